import { AppError, NOTHING_CHANGED } from '../contract/errors.ts'
import type { SecretStore } from '../engine/ports.ts'

const SERVICE = 'lifeboat'

const names: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  darwin: 'the macOS keychain',
  win32: 'the Windows Credential Manager',
  linux: 'the desktop keyring (Secret Service)',
}

/**
 * Secrets in the keychain of the operating system. Nothing is ever written elsewhere: where there is
 * no keychain, storing fails with a way out instead of falling back to a file in silence.
 */
export function keychain(platform: NodeJS.Platform): SecretStore {
  const where = names[platform] ?? 'the system keychain'

  async function entry(key: string): Promise<import('@napi-rs/keyring').AsyncEntry> {
    const { AsyncEntry } = await import('@napi-rs/keyring')
    return new AsyncEntry(SERVICE, key)
  }

  async function ask<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw new AppError(
        'failed',
        {
          message: `${where} could not ${what} a secret.`,
          state: NOTHING_CHANGED,
          hint: 'Unlock the keychain, or pass the secret by a file (--…-file) or a command (…_COMMAND).',
          details: error instanceof Error ? error.message : String(error),
        },
        error,
      )
    }
  }

  return {
    get: key => ask('read', async () => (await (await entry(key)).getPassword()) ?? null),
    set: (key, value) => ask('store', async () => (await entry(key)).setPassword(value)),
    remove: key =>
      ask('remove', async () => {
        await (await entry(key)).deletePassword()
      }),
    describe: () => `Stored in ${where}`,
  }
}
