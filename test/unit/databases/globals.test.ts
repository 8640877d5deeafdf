import { describe, expect, it } from 'vitest'

import { parseGlobals, statementsOf } from '../../../src-main/engine/databases/postgres/globals.ts'
import { besideName, connectionString } from '../../../src-main/engine/databases/postgres/sql.ts'
import { readProof } from '../../../src-main/engine/databases/tools/proven-command.ts'

const script = `--
-- Roles; not a statement
--
\\restrict abc
CREATE ROLE "we'ird; ""x""";
ALTER ROLE "we'ird; ""x""" WITH LOGIN PASSWORD 'a;''b--c';
CREATE ROLE plain;
ALTER ROLE plain IN DATABASE d SET work_mem TO '8MB';
GRANT plain TO "we'ird; ""x""" WITH INHERIT TRUE GRANTED BY postgres;
CREATE TABLESPACE t OWNER plain LOCATION '/x';
`

describe('databases/postgres: globals', () => {
  it('cuts statements at semicolons that are none of a name or a text', () => {
    expect(statementsOf(script)).toHaveLength(6)
  })

  it('finds roles, their properties and memberships', () => {
    const { roles, memberships } = parseGlobals(script)
    expect(roles.map(role => role.name)).toEqual([`we'ird; "x"`, 'plain'])
    expect(roles[0]?.more).toEqual([`ALTER ROLE "we'ird; ""x""" WITH LOGIN PASSWORD 'a;''b--c'`])
    expect(roles[1]?.more).toEqual([])
    expect(memberships).toMatchObject([{ role: 'plain', member: `we'ird; "x"` }])
  })
})

describe('databases/postgres: names', () => {
  it('cuts a name beside another at characters, within 63 bytes', () => {
    const name = besideName('ä'.repeat(40), '__lifeboat_01234567')
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63)
    expect(name).toMatch(/^ä+__lifeboat_01234567$/)
  })

  it('never lets a name pass for a connection string', () => {
    expect(connectionString('a=b')).toBe(`dbname='a=b'`)
    expect(connectionString(`o'\\`)).toBe(`dbname='o\\'\\\\'`)
    expect(connectionString('plain-name')).toBe('plain-name')
  })
})

describe('databases: proof of a command', () => {
  const sha256 = 'a'.repeat(64)

  it('takes a trailer that agrees with the exit code', () => {
    const stderr = `a warning\nlifeboat-proof exit=0 sha256=${sha256} bytes=12\n`
    expect(readProof({ exitCode: 0, stderr }, [])).toMatchObject({
      exitCode: 0,
      streamBytes: 12,
      streamSha256: sha256,
    })
    expect(readProof({ exitCode: 0, stderr }, []).failure).toBeUndefined()
  })

  it.each([
    ['no trailer', '', 0],
    ['another exit code', `lifeboat-proof exit=1 sha256=${sha256} bytes=12`, 0],
    ['no length', `lifeboat-proof exit=0 sha256=${sha256}`, 0],
    ['a checksum that is none', 'lifeboat-proof exit=0 sha256=xyz bytes=12', 0],
    ['an engine that does not know', `lifeboat-proof exit=0 sha256=${sha256} bytes=12`, null],
  ])('refuses %s', (_, stderr, exitCode) => {
    expect(readProof({ exitCode, stderr }, []).failure).toBeDefined()
  })
})
