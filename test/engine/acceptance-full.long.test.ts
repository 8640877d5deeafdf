import { describe, it } from 'vitest'

import { acceptFolder } from './acceptance-folder.ts'
import { describeFullSize } from './acceptance-full.ts'

describeFullSize()

describe('the main job on gptchat in a folder at full size', () => {
  it('brings back what was lost, and of a database in use the rows of one moment', async () => {
    await acceptFolder('full')
  })
})
