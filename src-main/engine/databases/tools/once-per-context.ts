import type { DriverContext } from '../database.ts'

/**
 * Makes a search whose answer is found once for each context. One that fails is forgotten, so that the next
 * call searches anew. `more` must be the same at every call with one context.
 */
export function oncePerContext<T, More extends readonly unknown[]>(
  search: (context: DriverContext, ...more: More) => Promise<T>,
): (context: DriverContext, ...more: More) => Promise<T> {
  const known = new WeakMap<DriverContext, Promise<T>>()
  return async (context, ...more) => {
    const found = known.get(context) ?? search(context, ...more)
    known.set(context, found)
    try {
      return await found
    } catch (error) {
      known.delete(context)
      throw error
    }
  }
}
