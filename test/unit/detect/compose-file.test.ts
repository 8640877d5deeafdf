import { describe, expect, it } from 'vitest'

import { mergeDefinitions, readComposeFile } from '../../../src-main/engine/detect/compose-file.ts'
import { interpolate, parseEnvFile } from '../../../src-main/engine/detect/dotenv.ts'

function read(text: string, values: Readonly<Record<string, string>> = {}) {
  return readComposeFile({ path: '/srv/app/compose.yaml', text, baseDirectory: '/srv/app' }, values)
}

describe('detect/compose-file', () => {
  it('reads env files in all their spellings', () => {
    const definition = read(`
services:
  a: { image: x, env_file: .env.a }
  b: { image: x, env_file: [ ./b.env, ../common/c.env ] }
  c:
    image: x
    env_file:
      - path: /etc/app/d.env
        required: false
  d: { image: x, env_file: "\${WHERE:-conf}/e.env" }
`)
    expect(definition.environmentFiles).toEqual([
      '/srv/app/.env.a',
      '/srv/app/b.env',
      '/srv/common/c.env',
      '/etc/app/d.env',
      '/srv/app/conf/e.env',
    ])
  })

  it('reads the files behind secrets and configs, and what is kept elsewhere', () => {
    const definition = read(`
services: { a: { image: x } }
secrets:
  password: { file: ./secrets/password.txt }
  token: { external: true }
  other: { environment: TOKEN }
configs:
  nginx: { file: ./nginx.conf }
`)
    expect(definition.secretFiles).toEqual(['/srv/app/secrets/password.txt'])
    expect(definition.composeFiles).toEqual(['/srv/app/nginx.conf'])
    expect(definition.externalSecrets).toEqual(['token'])
  })

  it('reads what is included and extended', () => {
    const definition = read(`
include:
  - ./infra.yaml
  - path: [ a.yaml, b.yaml ]
services:
  a: { extends: { file: base.yaml, service: web } }
  b: { extends: a }
`)
    expect(definition.composeFiles).toEqual([
      '/srv/app/infra.yaml',
      '/srv/app/a.yaml',
      '/srv/app/b.yaml',
      '/srv/app/base.yaml',
    ])
  })

  it('reads dependencies as list and as map, anchors and merge keys', () => {
    const definition = read(
      `
x-base: &base { image: "app:\${TAG}", depends_on: [ db ] }
services:
  web: { <<: *base, build: . }
  worker: { image: w, depends_on: { web: { condition: service_healthy }, db: {} } }
  db: { image: postgres }
`,
      { TAG: '7' },
    )
    expect(definition.services).toEqual([
      { name: 'web', image: 'app:7', dependsOn: ['db'], builds: true },
      { name: 'worker', image: 'w', dependsOn: ['web', 'db'], builds: false },
      { name: 'db', image: 'postgres', dependsOn: [], builds: false },
    ])
  })

  it('takes tags of Compose itself and odd values without failing', () => {
    const definition = read(
      'services:\n  a:\n    ports: !reset []\n    env_file: 7\n  b: ~\nvolumes: { v: }\n',
    )
    expect(definition.services.map(each => each.name)).toEqual(['a', 'b'])
    expect(definition.volumes).toEqual(['v'])
    expect(definition.problems).toEqual([])
  })

  it.each(['services: [', '"', '- a\n- b', '', '\u0000', 'a: *nowhere'])('survives %j', text => {
    const definition = read(text)
    expect(definition.services).toEqual([])
  })

  it('says what cannot be read', () => {
    expect(read('services: [').problems[0]).toContain(
      '/srv/app/compose.yaml cannot be read as YAML',
    )
  })

  it('refuses to unfold a bomb of aliases', () => {
    const levels = Array.from(
      { length: 12 },
      (_, i) => `l${i + 1}: &l${i + 1} [${Array(12).fill(`*l${i}`).join(', ')}]`,
    )
    const started = performance.now()
    expect(read(`l0: &l0 [x]\n${levels.join('\n')}\n`).problems).toHaveLength(1)
    expect(performance.now() - started).toBeLessThan(10_000)
  })

  it('joins several files: a service that appears again adds to what is known', () => {
    const joined = mergeDefinitions([
      read('services: { a: { image: x, depends_on: [ b ] } }'),
      read('services: { a: { build: ., depends_on: [ c ] } }'),
    ])
    expect(joined.services).toEqual([
      { name: 'a', image: 'x', dependsOn: ['b', 'c'], builds: true },
    ])
  })
})

describe('detect/dotenv', () => {
  it('reads names, quotes, comments and exports', () => {
    const text = `# comment
A=1
export B = two # rest
C="with # hash and \\"quote\\""
D='$literal'
E=
not a line
F=a=b
`
    expect(parseEnvFile(text)).toEqual({
      A: '1',
      B: 'two',
      C: 'with # hash and "quote"',
      D: '$literal',
      E: '',
      F: 'a=b',
    })
  })

  it.each([
    ['$A/${B}', 'one/two'],
    ['${C:-x}${C-y}${EMPTY:-x}${EMPTY-y}', 'xyx'],
    ['${A:+yes}${C:+yes}', 'yes'],
    ['${C:?must be set}', ''],
    ['$$A', '$A'],
    ['${__proto__}', ''],
  ])('fills in %s', (text, expected) => {
    expect(interpolate(text, { A: 'one', B: 'two', EMPTY: '' })).toBe(expected)
  })
})
