import { expect, test } from '@playwright/test'

import { launchApp, type LaunchedApp } from './launch.ts'

/** What home says of the stacks that the lab's engine has just now. */
const homeSentence = /\bsafe\b|^No stack was found/

test.describe('the window', () => {
  let launched: LaunchedApp

  test.beforeEach(async () => {
    launched = await launchApp()
  })
  test.afterEach(async () => {
    await launched.close()
  })

  test('opens and shows what the engine knows', async () => {
    const page = await launched.app.firstWindow()
    await expect(page.getByRole('heading', { name: homeSentence })).toBeVisible()
  })

  test('gives the page nothing but the bridge', async () => {
    const page = await launched.app.firstWindow()
    const reachable = await page.evaluate(() => ({
      bridge: Object.keys(window['bridge' as keyof Window] as object).sort(),
      require: 'require' in window,
      process: 'process' in window,
    }))
    expect(reachable).toEqual({ bridge: ['onEvent', 'request'], require: false, process: false })
  })

  test('answers a request that does not exist with an error, not with a crash', async () => {
    const page = await launched.app.firstWindow()
    const answer = await page.evaluate(() => {
      const bridge = window['bridge' as keyof Window] as {
        request(name: string, args: object): Promise<unknown>
      }
      return Promise.all([bridge.request('__proto__', {}), bridge.request('paths.get', { x: 1 })])
    })
    expect(answer).toMatchObject([
      { ok: false, error: { code: 'usage' } },
      { ok: false, error: { code: 'usage' } },
    ])
  })

  test('gives a frame inside the page no bridge', async () => {
    const page = await launched.app.firstWindow()
    await expect(page.getByRole('heading', { name: homeSentence })).toBeVisible()
    const answer = await launched.app.evaluate(async ({ BrowserWindow }) => {
      const [window] = BrowserWindow.getAllWindows()
      const script = `new Promise(resolve => {
        const frame = document.createElement('iframe')
        frame.srcdoc = '<p>foreign</p>'
        frame.onload = () => resolve(typeof frame.contentWindow.bridge)
        document.body.append(frame)
      })`
      return (await window?.webContents.executeJavaScript(script)) as string
    })
    expect(answer).toBe('undefined')
  })
})
