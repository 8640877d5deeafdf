import { expect, type Page, test } from '@playwright/test'

import { createStack, type LabStack } from '../../../lab/fixtures/stack.ts'
import { differences, type StackState } from '../../../lab/fixtures/state.ts'
import { serve, type Served } from './serve.ts'

const minute = 60_000
test.setTimeout(10 * minute)

let served: Served
let stack: LabStack
let before: StackState
test.beforeAll(async () => {
  stack = await createStack('chatalot', { engine: '26', size: 'small' })
  before = await stack.describe()
  served = await serve()
})
test.afterAll(async () => {
  await served[Symbol.asyncDispose]()
  await stack.remove()
})

/** Waits until the job whose page is open has ended, and returns what the page says of it. */
async function outcome(page: Page): Promise<string> {
  const status = page
    .getByRole('status')
    .filter({ hasText: /Done|failed|cancelled|not everything/ })
  await expect(status).toBeVisible({ timeout: 5 * minute })
  return status.innerText()
}

async function typeName(page: Page, button: string): Promise<void> {
  const field = page.getByRole('textbox', { name: /^Type the name of the stack/ })
  const act = page.getByRole('button', { name: button })
  await expect(act).toBeDisabled({ timeout: minute })
  await field.fill(`${stack.name} `)
  await expect(act).toBeDisabled()
  await field.fill(stack.name)
  await field.press('Enter')
  await expect(act).toBeVisible()
  await act.click()
}

test('a stack is found, backed up, checked, lost, brought back, and the restore undone', async ({
  page,
}) => {
  await page.goto(served.url)
  const row = page.getByRole('row').filter({ hasText: stack.name })
  await expect(row.getByText('Needs you')).toBeVisible()
  await row.getByRole('link', { name: stack.name, exact: true }).click()

  await expect(page.getByRole('heading', { name: stack.name, level: 1 })).toBeVisible()
  await expect(
    page.getByRole('cell', { name: 'database:postgres/chatalot', exact: true }),
  ).toBeVisible()
  await expect(page.getByRole('cell', { name: 'config:secrets', exact: true })).toBeVisible()
  await page.getByRole('link', { name: `Back up ${stack.name} …` }).click()

  await expect(page.getByRole('heading', { name: 'What happens, in this order' })).toBeVisible()
  await page.getByRole('button', { name: 'Start the backup' }).click()
  await expect(page.getByRole('heading', { name: `Backup of ${stack.name}` })).toBeVisible()
  expect(await outcome(page)).toContain('Done.')
  await page.getByRole('link', { name: 'Open the snapshot' }).click()

  await page.getByRole('button', { name: 'Check every byte' }).click()
  expect(await outcome(page)).toContain('Done.')
  await expect(page.getByText('Everything that was stored is sound.')).toBeVisible()

  await stack.lose()
  const lost = await stack.describe()
  expect(differences(before, lost).length).toBeGreaterThan(50)
  await page.getByRole('link', { name: 'Home' }).click()
  await row.getByRole('link', { name: `Restore ${stack.name} …` }).click()
  await page.getByRole('button', { name: 'Compare with what is there now' }).click()
  await expect(page.getByRole('heading', { name: 'Now, and after the restore' })).toBeVisible({
    timeout: minute,
  })
  await typeName(page, 'Restore in place')
  expect(await outcome(page)).toContain('Done.')
  await expect(page.getByText('It works: the stack is back and healthy.')).toBeVisible()
  await stack.waitHealthy(stack.services)
  expect(differences(before, await stack.describe())).toEqual([])

  await page.getByRole('link', { name: 'Undo …' }).click()
  await page.getByRole('button', { name: 'Compare with what is there now' }).click()
  await typeName(page, 'Undo this restore')
  expect(await outcome(page)).toContain('Done.')
  expect(differences(before, await stack.describe()).length).toBeGreaterThan(50)
})
