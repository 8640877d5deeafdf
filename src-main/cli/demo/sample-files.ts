import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { chmod, mkdir, symlink, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'

/** File names that careless programs trip over. None of them is run by anything. */
const oddNames = [
  'Käse & Brot.txt',
  "don't panic (final).md",
  '$(touch lifeboat-demo-was-here).txt',
  ' leading space',
  '-rf',
  'two  spaces; and a semicolon',
  'boat ⛵.txt',
  '"quoted".txt',
] as const

/** Secrets of the sample: made anew for each demo, in files that only the owner may read. */
export async function writeSecrets(folder: string): Promise<{ readonly password: string }> {
  const password = randomBytes(15).toString('base64url')
  await mkdir(path.join(folder, 'secrets'), { recursive: true, mode: 0o700 })
  const { privateKey } = generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  await writeWithMode(path.join(folder, 'secrets', 'signing-key.pem'), privateKey, 0o600)
  const environment = [
    '# Settings of the harbour chat',
    `DB_PASSWORD=${password}`,
    `TOTP_ENCRYPTION_KEY=${randomBytes(32).toString('base64')}`,
    '',
  ].join('\n')
  await writeWithMode(path.join(folder, '.env'), environment, 0o600)
  return { password }
}

/** Uploads: folders, odd names, a link, an executable, an empty file. Same content in every demo. */
export async function writeUploads(folder: string): Promise<void> {
  const at = (...names: string[]): string => path.join(folder, ...names)
  await mkdir(at('photos', '2026'), { recursive: true })
  await mkdir(at('odd names'), { recursive: true })
  await mkdir(at('empty folder'), { mode: 0o750 })
  for (let number = 1; number <= 24; number += 1) {
    const name = `quay-${String(number).padStart(2, '0')}.jpg`
    await writeWithMode(at('photos', '2026', name), noise(number), 0o644)
  }
  for (const name of oddNames) {
    await writeWithMode(at('odd names', name), `This file is called ${name}\n`, 0o640)
  }
  await writeWithMode(at('welcome.txt'), 'Welcome aboard.\n', 0o644)
  await writeWithMode(at('clean-up.sh'), '#!/bin/sh\necho clean\n', 0o755)
  await writeWithMode(at('empty'), '', 0o600)
  await symlink(path.join('photos', '2026', 'quay-24.jpg'), at('latest.jpg'))
}

/** Writes a file whose mode does not depend on the umask, and which is a while old. */
export async function writeWithMode(
  file: string,
  content: string | Uint8Array,
  mode: number,
): Promise<void> {
  await writeFile(file, content, { mode })
  await chmod(file, mode)
  const then = new Date('2026-05-17T09:30:00Z')
  await utimes(file, then, then)
}

/** Bytes that do not compress, the same for the same seed. */
function noise(seed: number): Uint8Array {
  const bytes = new Uint8Array(20_000 + seed * 1_000)
  let state = seed
  for (let index = 0; index < bytes.length; index += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[index] = state >>> 24
  }
  return bytes
}
