import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { describe, expect, it } from 'vitest'

import { documentOf, lifeboat } from '../../helpers/cli.ts'

const run = promisify(execFile)

async function scriptFor(shell: string): Promise<string> {
  return String(documentOf(await lifeboat(['completion', shell, '--json']))['script'])
}

/** What bash offers for a line that ends where the cursor is. */
async function offered(script: string, words: readonly string[]): Promise<readonly string[]> {
  const ask =
    'eval "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _lifeboat; printf "%s\\n" "${COMPREPLY[@]}"'
  const { stdout } = await run('bash', ['-c', ask, script, ...words])
  return stdout.split('\n').filter(line => line !== '')
}

describe('cli/completion', () => {
  it('is good bash', async () => {
    await run('bash', ['-n', '-c', await scriptFor('bash')])
  })

  it('completes verbs, verbs of a noun, and flags in a real bash', async () => {
    const script = await scriptFor('bash')
    expect(await offered(script, ['lifeboat', 'sta'])).toEqual(['stacks', 'status'])
    expect(await offered(script, ['lifeboat', 'snapshots', 'ex'])).toEqual(['extract'])
    expect(await offered(script, ['lifeboat', 'backup', '--dry'])).toEqual(['--dry-run'])
    expect(await offered(script, ['lifeboat', 'stacks', '--jso'])).toEqual([
      '--json',
      '--json-stream',
    ])
  })

  it.each(['zsh', 'fish', 'powershell'])('names every verb in %s', async shell => {
    const script = await scriptFor(shell)
    for (const verb of ['demo', 'restore', 'extract', '--read-data']) {
      expect(script).toContain(verb)
    }
  })
})
