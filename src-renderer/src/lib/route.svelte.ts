/** Where the user is: the page's name and what it is about, kept behind the # of the address. */
export interface Route {
  readonly page: string
  readonly parts: readonly string[]
  readonly query: Readonly<Record<string, string>>
}

/** Reads an address such as `#/stack/local/chatalot?item=volume:x`. */
export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2)
  const [page = '', ...parts] = path.split('/').map(part => decode(part))
  return { page, parts, query: Object.fromEntries(query.split('&').filter(Boolean).map(pairOf)) }
}

function pairOf(text: string): readonly [string, string] {
  const [name = '', value = ''] = text.split('=', 2)
  return [decode(name), decode(value)]
}

/** A part that somebody typed may be no proper encoding; it is then taken as it stands. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** The address of a page. */
export function linkTo(
  page: string,
  parts: readonly string[] = [],
  query: Readonly<Record<string, string>> = {},
): string {
  const path = [page, ...parts].map(part => encodeURIComponent(part)).join('/')
  const search = Object.entries(query)
    .map(pair => pair.map(encodeURIComponent).join('='))
    .join('&')
  return `#/${path}${search === '' ? '' : `?${search}`}`
}

class Router {
  current = $state.raw(parseRoute(location.hash))

  constructor() {
    addEventListener('hashchange', () => {
      this.current = parseRoute(location.hash)
    })
  }

  go(to: string): void {
    location.hash = to
  }
}

/** The one router of the window. */
export const router = new Router()
