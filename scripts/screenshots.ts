// Takes pictures of every page over a real stack of the lab, light and dark, wide and narrow:
//   npm run screenshots [-- FOLDER]
// With no folder only a few are taken, as for a README: they go to docs/images/app.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import { type Browser, chromium, type Page } from '@playwright/test'

import { createStack, type LabStack } from '../lab/fixtures/stack.ts'
import { chromiumOptions } from '../test/e2e/browser/chromium.ts'
import { serve } from '../test/e2e/browser/serve.ts'

interface Look {
  readonly name: string
  readonly scheme: 'light' | 'dark'
  readonly width: number
  readonly pages: readonly string[] | 'all'
}

const root = join(import.meta.dirname, '..')
const folder = process.argv[2] ?? join(root, 'docs', 'images', 'app')
const looks: readonly Look[] =
  process.argv[2] === undefined
    ? [
        { name: 'light', scheme: 'light', width: 1200, pages: ['home', 'stack', 'restore'] },
        { name: 'dark', scheme: 'dark', width: 1200, pages: ['home', 'restore'] },
      ]
    : [
        { name: 'light', scheme: 'light', width: 1200, pages: 'all' },
        { name: 'dark', scheme: 'dark', width: 1200, pages: 'all' },
        { name: 'narrow', scheme: 'light', width: 420, pages: 'all' },
      ]

/** Makes one snapshot through the pages and stays on the page of its job. */
async function backUp(page: Page, { name }: LabStack): Promise<void> {
  await page.getByRole('link', { name: `Back up ${name} …` }).click()
  await page.getByRole('button', { name: 'Start the backup' }).click()
  await page.getByText('Done.').waitFor({ timeout: 300_000 })
}

/** Each page as a person comes to it. */
function visits(page: Page, { name }: LabStack): Readonly<Record<string, () => Promise<void>>> {
  const open = async (link: string): Promise<void> => {
    await page.getByRole('navigation').getByRole('link', { name: link, exact: true }).click()
    await page.getByText(/^Looking/).waitFor({ state: 'hidden' })
  }
  return {
    home: () => open('Home'),
    stack: async () => {
      await open('Home')
      await page.getByRole('link', { name, exact: true }).click()
      await page.getByRole('heading', { name: 'Services' }).waitFor()
    },
    backup: async () => {
      await page.getByRole('link', { name: `Back up ${name} …` }).click()
      await page.getByRole('button', { name: 'Start the backup' }).waitFor()
    },
    snapshots: () => open('Snapshots'),
    snapshot: async () => {
      await page.getByRole('row').nth(1).getByRole('link').click()
      await page.getByText(/ of /).last().waitFor()
    },
    restore: async () => {
      await page.getByRole('link', { name: 'Restore …' }).click()
      await page.getByRole('button', { name: 'Compare with what is there now' }).click()
      await page.getByRole('button', { name: 'Restore in place' }).waitFor({ timeout: 60_000 })
    },
    undo: () => open('Undo'),
    hosts: () => open('Hosts'),
    activity: () => open('Activity'),
    about: () => open('This computer'),
  }
}

async function takePictures(browser: Browser, url: string, stack: LabStack): Promise<void> {
  const page = await browser.newPage()
  await page.goto(url)
  await backUp(page, stack)
  for (const look of looks) {
    await page.emulateMedia({ colorScheme: look.scheme, reducedMotion: 'reduce' })
    await page.setViewportSize({ width: look.width, height: 800 })
    for (const [name, visit] of Object.entries(visits(page, stack))) {
      await visit()
      const isWanted = look.pages === 'all' || look.pages.includes(name)
      const path = join(folder, `${name}-${look.name}.png`)
      if (isWanted) await page.screenshot({ path, fullPage: process.argv[2] !== undefined })
    }
  }
}

await mkdir(folder, { recursive: true })
const stack = await createStack('chatalot', { engine: '26', size: 'small' })
const served = await serve()
const browser = await chromium.launch(chromiumOptions)
try {
  await takePictures(browser, served.url, stack)
  process.stdout.write(`pictures: ${folder}\n`)
} finally {
  await browser.close()
  await served[Symbol.asyncDispose]()
  await stack.remove()
}
