import { describe, it } from 'vitest'

import { acceptGuide } from './acceptance-restore-md.ts'

describe('RESTORE.md alone', () => {
  it.each(['chatalot', 'hostile', 'gptchat'] as const)(
    'brings %s back after damage, and to a machine that has nothing of it',
    async kind => {
      await acceptGuide(kind)
    },
  )
})
