import { randomBytes } from 'node:crypto'

import { openRepository } from '../../../src-main/engine/store/repository.ts'
import { bytesSource, manifestFor, spec } from './builders.ts'

/** Makes one snapshot after the other and tells the id of each that was committed, until it is killed. */
const repository = await openRepository(process.argv[2] ?? '', {
  create: true,
  version: '0.0.0-test',
})
process.stdout.write('ready\n')
for (;;) {
  const writer = await repository.begin({
    host: 'local',
    stack: 'app',
    time: new Date(),
    purpose: 'crash test',
  })
  const records = []
  for (const codec of ['zstd', 'none'] as const) {
    const bytes = randomBytes(1 + Math.floor(Math.random() * 3_000_000))
    const wanted = spec({ path: `volumes/${codec}.bin`, content: 'bytes', codec })
    records.push(await writer.addArtifact(wanted, bytesSource(bytes)))
  }
  records.push(await writer.addFile('config/.env', 'config:env', Buffer.from('A=1\n')))
  await writer.commit(manifestFor(repository, writer, records), '# Restore\n')
  process.stdout.write(`${writer.id}\n`)
}
