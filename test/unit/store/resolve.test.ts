import { describe, expect, it } from 'vitest'

import type { SnapshotSummary } from '../../../src-main/contract/model.ts'
import { resolveSnapshot } from '../../../src-main/engine/store/resolve.ts'

function snapshot(id: string, fields: Partial<SnapshotSummary> = {}): SnapshotSummary {
  const [host = '', stack = '', name = ''] = id.split('/')
  const time = name.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z.*$/, '$1-$2-$3T$4:$5:$6.000Z')
  return {
    id,
    host,
    stack,
    time,
    outcome: 'complete',
    sizeBytes: 1,
    encrypted: false,
    pinned: false,
    origin: 'backup',
    proof: { level: 'recorded', at: null },
    copies: [],
    problem: null,
    ...fields,
  }
}

const list = [
  snapshot('local/chat/20261119T030000Z'),
  snapshot('local/chat/20261120T030000Z'),
  snapshot('local/chat/20261121T030000Z', { outcome: 'partial' }),
  snapshot('local/chat/20261122T030000Z', { origin: 'safety' }),
  snapshot('local/wiki/20261120T030000Z'),
  snapshot('nas/media/20261118T030000Z'),
  snapshot('local/my-app~0011223344/20261117T030000Z', { stack: 'My App' }),
  snapshot('local/both/20261101T030000Z'),
  snapshot('nas/both/20261102T030000Z'),
  snapshot('nas/broken/20261102T040000Z', { outcome: 'failed' }),
]
const find = (reference: string) => resolveSnapshot(reference, list).id

describe('store/resolve', () => {
  it('takes a full id, also of what is not complete', () => {
    expect(find('local/chat/20261121T030000Z')).toBe('local/chat/20261121T030000Z')
    expect(find('local/chat/20261122T030000Z')).toBe('local/chat/20261122T030000Z')
  })

  it('takes stack and time, by folder or by real name, and a time alone', () => {
    expect(find('chat/20261119T030000Z')).toBe('local/chat/20261119T030000Z')
    expect(find('My App/20261117T030000Z')).toBe('local/my-app~0011223344/20261117T030000Z')
    expect(find('20261118T030000Z')).toBe('nas/media/20261118T030000Z')
  })

  it("takes a stack's name for its newest complete one, never a safety snapshot or a partial one", () => {
    expect(find('chat')).toBe('local/chat/20261120T030000Z')
    expect(find('My App')).toBe('local/my-app~0011223344/20261117T030000Z')
    expect(find('nas/both')).toBe('nas/both/20261102T030000Z')
  })

  it('takes latest, and any end that is unique', () => {
    expect(find('latest')).toBe('local/wiki/20261120T030000Z')
    expect(find('1119T030000Z')).toBe('local/chat/20261119T030000Z')
  })

  it('refuses what can mean several, and lists them', () => {
    for (const reference of ['20261120T030000Z', '030000Z', 'both', 'Z']) {
      expect(() => find(reference)).toThrow(expect.objectContaining({ code: 'ambiguous-name' }))
    }
    expect(() => find('both')).toThrow(/local\/both\/20261101T030000Z/)
  })

  it('refuses what means nothing', () => {
    for (const reference of ['', 'cha', 'chat/', 'nothing', '../etc', '$(id)']) {
      expect(() => find(reference)).toThrow(expect.objectContaining({ code: 'unknown-snapshot' }))
    }
    expect(() => find('broken')).toThrow(/broken/)
    expect(() => resolveSnapshot('latest', [])).toThrow(
      expect.objectContaining({ code: 'unknown-snapshot' }),
    )
  })
})
