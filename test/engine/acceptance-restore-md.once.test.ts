import { describe, it } from 'vitest'

import { acceptFolderGuide, acceptGuide } from './acceptance-restore-md.ts'

describe('RESTORE.md alone', () => {
  it('brings chatalot back after damage, and to a machine that has nothing of it', async () => {
    await acceptGuide('chatalot')
  })

  it('brings a plain folder back', async () => {
    await acceptFolderGuide()
  })
})
