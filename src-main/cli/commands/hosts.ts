import type { HostSummary } from '../../contract/model.ts'
import { safeText } from '../output/safe-text.ts'
import type { Style } from '../output/style.ts'
import { type Cell, table } from '../output/table.ts'
import type { RegisterCommand } from './command.ts'

interface TrustFlags {
  readonly fingerprint?: string
  readonly yes?: boolean
}

export const registerHosts: RegisterCommand = (program, run) => {
  const hosts = program
    .command('hosts')
    .summary('Docker hosts, found without being typed')
    .addHelpText(
      'before',
      'Examples:\n  lifeboat hosts\n  lifeboat hosts test ssh://nas\n  lifeboat hosts add nas ssh://nas\n',
    )

  hosts
    .command('list', { isDefault: true })
    .summary('every host that was found, where, and whether it answers')
    .action(() =>
      run(async session => {
        const { terminal } = session
        const client = await session.client()
        terminal.say('Looking for Docker hosts …')
        const found = await client.call('host.list', { test: true })
        if (terminal.options.json) terminal.json({ schemaVersion: 1, hosts: found })
        else terminal.out(hostsText(found, terminal.outStyle))
        return 0
      }),
    )

  hosts
    .command('test')
    .argument('<host>', 'host id or address')
    .summary('reach one host and say which layer fails')
    .action((host: string) =>
      run(async session => {
        const { terminal } = session
        const client = await session.client()
        terminal.say(`Reaching ${safeText(host)} …`)
        const summary = await client.call('host.test', { host })
        if (terminal.options.json) terminal.json({ schemaVersion: 1, host: summary })
        else terminal.out(hostsText([summary], terminal.outStyle))
        return summary.state === 'ready' ? 0 : 13
      }),
    )

  hosts
    .command('add')
    .argument('<name>', 'a name of your choice')
    .argument('<address>', 'ssh://[user@]alias, unix:///path, tcp://…, context:NAME or folder:/path')
    .summary('save a host under a name and pin it to its engine')
    .action((name: string, address: string) =>
      run(async session => {
        const { terminal } = session
        const client = await session.client()
        const summary = await client.call('host.add', { name, address })
        if (terminal.options.json) terminal.json({ schemaVersion: 1, host: summary })
        else terminal.out(`${safeText(name)} is saved: ${safeText(summary.endpoint)}`)
        return 0
      }),
    )

  hosts
    .command('trust')
    .argument('<host>', 'host id or address')
    .option('--fingerprint <sha256>', 'trust only this fingerprint (SHA256:…)')
    .option('--yes', 'trust the key that the host shows now')
    .summary("show an SSH host's key and trust it")
    .action((host: string, flags: TrustFlags) =>
      run(async session => {
        const { terminal } = session
        const client = await session.client()
        const summary = await client.call('host.trust', {
          host,
          fingerprint: flags.fingerprint,
          accept: flags.yes,
        })
        if (terminal.options.json) terminal.json({ schemaVersion: 1, host: summary })
        else terminal.out(`The key of ${safeText(host)} is trusted from now on.`)
        return 0
      }),
    )

  hosts
    .command('remove')
    .argument('<name>', 'name of a saved host')
    .summary('forget a saved host; its snapshots stay')
    .action((name: string) =>
      run(async session => {
        const { terminal } = session
        const client = await session.client()
        await client.call('host.remove', { name })
        if (terminal.options.json) terminal.json({ schemaVersion: 1, removed: name })
        else terminal.out(`${safeText(name)} is forgotten. Its snapshots stay where they are.`)
        return 0
      }),
    )
}

function hostsText(hosts: readonly HostSummary[], style: Style): string {
  const rows = hosts.map((host): Cell[] => [
    host.isDefault ? '*' : '',
    host.id,
    host.state === 'ready'
      ? { text: 'ready', mark: style.good }
      : host.state === 'untested'
        ? 'untested'
        : { text: host.problem?.layer ?? 'unreachable', mark: style.bad },
    host.daemon === null ? '' : `Docker ${host.daemon.version}`,
    host.endpoint,
    host.problem === null ? host.reason : `${host.problem.message} ${host.problem.hint}`,
  ])
  return table(
    [
      { title: ' ' },
      { title: 'HOST' },
      { title: 'STATE' },
      { title: 'ENGINE' },
      { title: 'ADDRESS' },
      { title: 'WHY' },
    ],
    rows,
    style.bold,
  )
}
