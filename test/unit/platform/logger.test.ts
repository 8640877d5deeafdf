import { describe, expect, it } from 'vitest'

import { lineLogger, maskSecrets } from '../../../src-main/platform/logger.ts'

describe('platform/logger', () => {
  it.each([
    ['postgres://ann:CANARY@db/app', 'postgres://ann:***@db/app'],
    ['PGPASSWORD=CANARY pg_dump', 'PGPASSWORD=*** pg_dump'],
    ['POSTGRES_PASSWORD: CANARY', 'POSTGRES_PASSWORD: ***'],
  ])('masks %s', (text, masked) => {
    expect(maskSecrets(text)).toBe(masked)
  })

  it('masks fields by their names and says nothing below its level', () => {
    const lines: string[] = []
    const logger = lineLogger('info', line => lines.push(line))
    logger.info('started', { password: 'CANARY', host: 'local' })
    logger.debug('CANARY')
    expect(lines).toHaveLength(1)
    expect(lines.join()).not.toContain('CANARY')
    expect(lines.join()).toContain('"host":"local"')
  })
})
