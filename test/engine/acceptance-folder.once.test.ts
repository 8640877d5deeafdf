import { describe, it } from 'vitest'

import { acceptFolder } from './acceptance-folder.ts'

describe('the main job on gptchat in a folder', () => {
  it('brings back what was lost, and of a database in use the rows of one moment', async () => {
    await acceptFolder('small')
  })
})
