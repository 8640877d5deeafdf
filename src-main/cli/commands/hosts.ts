import type { HostSummary } from '../../contract/model.ts'
import { safeText } from '../output/safe-text.ts'
import { type Cell, table, type TableLook } from '../output/table.ts'
import type { Session } from '../session.ts'
import { listByDefault, notEmpty, type RegisterCommand } from './command.ts'

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

  listByDefault(hosts, run, list)
  hosts
    .command('list')
    .summary('every host that was found, where, and whether it answers')
    .addHelpText('before', 'Examples:\n  lifeboat hosts list\n  lifeboat hosts list --json\n')
    .action(() => run(list))

  hosts
    .command('test')
    .argument('<host>', 'host id or address', notEmpty)
    .summary('reach one host and say which layer fails')
    .addHelpText(
      'before',
      'Examples:\n  lifeboat hosts test local\n  lifeboat hosts test ssh://nas\n',
    )
    .action((host: string) =>
      run(async session => {
        const { terminal } = session
        terminal.say(`Reaching ${safeText(host)} …`)
        const client = await session.client()
        const summary = await client.call('host.test', { host })
        terminal.result({ host: summary }, () => hostsText([summary], terminal.look))
        return summary.state === 'ready' ? 0 : 13
      }),
    )

  hosts
    .command('add')
    .argument('<name>', 'a name of your choice', notEmpty)
    .argument(
      '<address>',
      'ssh://[user@]alias, unix:///path, tcp://…, context:NAME or folder:/path',
      notEmpty,
    )
    .summary('save a host under a name and pin it to its engine')
    .addHelpText(
      'before',
      'Examples:\n  lifeboat hosts add nas ssh://nas\n  lifeboat hosts add apps folder:/srv/apps\n',
    )
    .action((name: string, address: string) =>
      run(async session => {
        const { terminal } = session
        terminal.say(`Reaching ${safeText(address)} …`)
        const client = await session.client()
        const summary = await client.call('host.add', { name, address })
        terminal.result({ host: summary }, () => addedText(name, summary))
        return 0
      }),
    )

  hosts
    .command('trust')
    .argument('<host>', 'host id or address', notEmpty)
    .option('--fingerprint <sha256>', 'trust only this fingerprint (SHA256:…)')
    .option('--yes', 'trust the key that the host shows now')
    .summary("show an SSH host's key and trust it")
    .addHelpText(
      'before',
      'Examples:\n  lifeboat hosts trust nas\n  lifeboat hosts trust nas --fingerprint SHA256:…\n',
    )
    .action((host: string, flags: TrustFlags) =>
      run(async session => {
        const { terminal } = session
        const client = await session.client()
        const summary = await client.call('host.trust', {
          host,
          fingerprint: flags.fingerprint,
          accept: flags.yes,
        })
        terminal.result(
          { host: summary },
          () => `The key of ${safeText(host)} is trusted from now on.`,
        )
        return 0
      }),
    )

  hosts
    .command('remove')
    .argument('<name>', 'name of a saved host', notEmpty)
    .summary('forget a saved host; its snapshots stay')
    .addHelpText('before', 'Example:\n  lifeboat hosts remove nas\n')
    .action((name: string) =>
      run(async session => {
        const { terminal } = session
        const client = await session.client()
        await client.call('host.remove', { name })
        terminal.result(
          { removed: name },
          () => `${safeText(name)} is forgotten. Its snapshots stay where they are.`,
        )
        return 0
      }),
    )
}

async function list(session: Session): Promise<number> {
  const { terminal } = session
  terminal.say('Looking for Docker hosts …')
  const client = await session.client()
  const found = await client.call('host.list', { test: true })
  terminal.result({ hosts: found }, () => hostsText(found, terminal.look))
  return 0
}

function addedText(name: string, { state, endpoint, problem }: HostSummary): string {
  const saved = `${safeText(name)} is saved: ${safeText(endpoint)}`
  if (state === 'ready' || problem === null) return saved
  return `${saved}\nIt does not answer yet: ${safeText(problem.message)} ${safeText(problem.hint)}`
}

function hostsText(hosts: readonly HostSummary[], look: TableLook): string {
  const { style } = look
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
    look,
  )
}
