import type { Command } from 'commander'

import { safeText } from '../output/safe-text.ts'
import { usageError } from '../usage-error.ts'
import type { RegisterCommand } from './command.ts'

/** One verb with what may follow it. */
interface Entry {
  readonly path: readonly string[]
  readonly words: readonly string[]
}

const shells = ['bash', 'zsh', 'fish', 'powershell'] as const
type Shell = (typeof shells)[number]

export const registerCompletion: RegisterCommand = (program, run) => {
  program
    .command('completion')
    .argument('<shell>', shells.join(', '))
    .summary('a script that completes lifeboat in your shell')
    .addHelpText(
      'before',
      'Example:\n  lifeboat completion bash > ~/.local/share/bash-completion/completions/lifeboat\n',
    )
    .action((shell: string) =>
      run(session => {
        const known = shells.find(each => each === shell)
        if (known === undefined) {
          throw usageError(
            `There is no completion for ${safeText(shell)}.`,
            `Use one of: ${shells.join(', ')}.`,
          )
        }
        const script = completionScript(known, entriesOf(program))
        session.terminal.result({ shell: known, script }, () => script)
        return Promise.resolve(0)
      }),
    )
}

/** Verbs and flags, read from the program itself so that completion can never be out of date. */
function entriesOf(command: Command, path: readonly string[] = []): readonly Entry[] {
  const children = command.commands
  const flags = command.options.flatMap(option => (option.long === undefined ? [] : [option.long]))
  const own = { path, words: [...children.map(child => child.name()), ...flags] }
  return [own, ...children.flatMap(child => entriesOf(child, [...path, child.name()]))]
}

/** The script for one shell. All words come from our own program, none from outside. */
export function completionScript(shell: Shell, entries: readonly Entry[]): string {
  const cases = (line: (key: string, words: string) => string): string =>
    entries.map(entry => line(entry.path.join(' '), entry.words.join(' '))).join('\n')
  const verbs = [...new Set(entries.flatMap(entry => entry.path))].join('|')
  switch (shell) {
    case 'bash':
      return `_lifeboat() {
  local path="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in ${verbs}) path="\${path:+$path }$word" ;; esac
  done
  local words=""
  case "$path" in
${cases((key, words) => `    "${key}") words="${words}" ;;`)}
  esac
  COMPREPLY=( $(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}") )
}
complete -o default -F _lifeboat lifeboat
`
    case 'zsh':
      return `#compdef lifeboat
_lifeboat() {
  local path="" word
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$word" in ${verbs}) path="\${path:+$path }$word" ;; esac
  done
  case "$path" in
${cases((key, words) => `    "${key}") compadd -- ${words} ;;`)}
  esac
}
compdef _lifeboat lifeboat
`
    case 'fish':
      return `function __lifeboat_path
  set -l path
  for word in (commandline -opc)[2..]
    if contains -- $word ${verbs.replaceAll('|', ' ')}
      set -a path $word
    end
  end
  echo "$path"
end
${cases((key, words) => `complete -c lifeboat -f -n 'test (__lifeboat_path) = "${key}"' -a "${words}"`)}
`
    case 'powershell':
      return `Register-ArgumentCompleter -Native -CommandName lifeboat -ScriptBlock {
  param($word, $ast, $cursor)
  $verbs = @(${verbs
    .split('|')
    .map(verb => `'${verb}'`)
    .join(', ')})
  $path = ($ast.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() } | Where-Object { $verbs -contains $_ }) -join ' '
  $words = switch ($path) {
${cases((key, words) => `    '${key}' { '${words}' }`)}
  }
  $words -split ' ' | Where-Object { $_ -like "$word*" } | ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) }
}
`
  }
}
