import { request as httpRequest } from 'node:http'

import { expect, test } from '@playwright/test'

import { serve, type Served } from './serve.ts'

/** What home says of the stacks that the lab's engine has just now. */
const homeSentence = /\bsafe\b|^No stack was found/

let served: Served
test.beforeEach(async () => {
  served = await serve()
})
test.afterEach(async () => {
  await served[Symbol.asyncDispose]()
})

test('the app opens in a browser, and stays open when it is loaded again', async ({ page }) => {
  await page.goto(served.url)
  await expect(page.getByRole('heading', { name: homeSentence })).toBeVisible()
  expect(page.url()).toBe(`http://127.0.0.1:${served.port}/`)
  await page.reload()
  await expect(page.getByRole('heading', { name: homeSentence })).toBeVisible()
})

test('its link opens one browser, once', async ({ page, browser }) => {
  await page.goto(served.url)
  const other = await browser.newContext()
  const stranger = await other.newPage()
  const response = await stranger.goto(served.url)
  expect(response?.status()).toBe(403)
  await expect(stranger.getByText('This link has been used')).toBeVisible()
  await other.close()
})

test('Ctrl-C ends it, and nobody is answered after that', async ({ page }) => {
  await page.goto(served.url)
  await expect(page.getByRole('heading', { name: homeSentence })).toBeVisible()
  expect(await served.stop()).toBe(0)
  await expect(page.reload()).rejects.toThrow('ERR_CONNECTION_REFUSED')
})

test('only our own page may ask', async ({ page, context }) => {
  await page.goto(served.url)
  const [cookie] = await context.cookies()
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' })
  const own = `http://127.0.0.1:${served.port}`
  const good = { cookie: `${cookie?.name}=${cookie?.value}`, origin: own }
  const body = JSON.stringify({ name: 'paths.get', args: {} })
  const ask = (headers: Record<string, string>, text = body) => post(served.port, headers, text)

  expect(await ask(good)).toMatchObject({ status: 200, answer: { ok: true } })
  const localhost = `localhost:${served.port}`
  expect(await ask({ ...good, origin: `http://${localhost}`, host: localhost })).toMatchObject({
    status: 200,
  })
  for (const headers of [
    { origin: own },
    { cookie: `${cookie?.name}=guessed`, origin: own },
    { cookie: good.cookie },
    { ...good, origin: 'http://evil.example' },
    { ...good, origin: 'null' },
    { ...good, host: `evil.example:${served.port}`, origin: `http://evil.example:${served.port}` },
  ]) {
    expect(await ask(headers), JSON.stringify(headers)).toMatchObject({ status: 403 })
  }
})

test('whatever it is asked, it answers with an error and goes on', async ({ page }) => {
  await page.goto(served.url)
  const bodies = [
    '',
    '[]',
    '"x"',
    '{"name":"__proto__","args":{}}',
    '{"name":"paths.get","args":{"more":1}}',
    '{"name":"paths.get"}',
    '{"name":{"toString":1},"args":{}}',
    '{"__proto__":{"name":"paths.get"}}',
    `{"name":"stack.list","args":{"host":"${'x'.repeat(1000)}\\u0000"}}`,
  ]
  for (const body of bodies) {
    const answer = await page.evaluate(async text => {
      const response = await fetch('/request', { method: 'POST', body: text })
      return (await response.json()) as { ok: boolean; error?: { code: string; hint: string } }
    }, body)
    expect(answer.ok, body).toBe(false)
    expect(answer.error?.hint, body).toBeTruthy()
    expect(answer.error?.code, body).not.toBe('internal-error')
  }
  const tooLarge = await page.evaluate(async () => {
    try {
      const response = await fetch('/request', { method: 'POST', body: 'x'.repeat(100_000_000) })
      return await response.text()
    } catch {
      return 'too large'
    }
  })
  expect(tooLarge).toContain('too large')
  for (const path of ['/../package.json', '/%2e%2e/package.json', '/__proto__', '/nothing']) {
    const status = await page.evaluate(async to => (await fetch(to)).status, path)
    expect(status, path).toBe(404)
  }
  await page.reload()
  await expect(page.getByRole('heading', { name: homeSentence })).toBeVisible()
})

test('the page runs nothing but its own script', async ({ page }) => {
  const response = await page.goto(served.url)
  const policy = response?.headers()['content-security-policy'] ?? ''
  expect(policy).toContain("default-src 'none'")
  expect(policy).toContain("frame-ancestors 'none'")
  expect(policy).not.toContain('unsafe')
})

interface Posted {
  readonly status: number | undefined
  readonly answer: unknown
}

/** A request with headers that no browser would let a page choose. */
function post(port: number, headers: Record<string, string>, body: string): Promise<Posted> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      { host: '127.0.0.1', port, path: '/request', method: 'POST', headers },
      response => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (text += chunk))
        response.on('end', () => {
          const isJson = response.headers['content-type']?.startsWith('application/json')
          resolve({ status: response.statusCode, answer: isJson ? JSON.parse(text) : text })
        })
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}
