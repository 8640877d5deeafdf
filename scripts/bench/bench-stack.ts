import { randomBytes } from 'node:crypto'

import type { Docker } from '../../lab/docker.ts'
import { ownerLabel, ownerValue } from '../../lab/docker.ts'

/** A stack for one measurement: an app with a volume that runs, and no database. */
export interface BenchStack extends AsyncDisposable {
  readonly name: string
  readonly volume: string
}

const fill = `
import os, random, sys
count, megabytes = int(sys.argv[1]), int(sys.argv[2])
noise = random.Random(7)
words = b''.join(b'%d the quick brown fox jumps over the lazy dog ' % noise.randrange(10**9) for _ in range(20000))
def piece(size):
    if noise.random() < 0.5:
        start = noise.randrange(max(1, len(words) - size)) if size < len(words) else 0
        return (words[start:] + words * (size // len(words) + 1))[:size]
    return noise.randbytes(size)
for number in range(count):
    folder = '/v/small/%03d' % (number % 200)
    os.makedirs(folder, exist_ok=True)
    with open('%s/%d' % (folder, number), 'wb') as handle:
        handle.write(piece(4096))
for number in range(0, megabytes, 64):
    with open('/v/large-%d' % number, 'wb') as handle:
        for _ in range(min(64, megabytes - number)):
            handle.write(piece(1024 * 1024))
os.sync()
`

/** Makes a stack whose volume holds `files` files of 4 KiB and `megabytes` MB of large ones, half of it noise. */
export async function benchStack(
  docker: Docker,
  files: number,
  megabytes: number,
): Promise<BenchStack> {
  const name = `bench-${randomBytes(3).toString('hex')}`
  const label = ['--label', `${ownerLabel}=${ownerValue}`]
  const mount = ['-v', `${name}:/v`]
  await docker.run(['volume', 'create', ...label, name])
  await docker.run(
    [
      'run',
      '--rm',
      '-i',
      '--network=none',
      ...label,
      ...mount,
      'lab/base:1',
      'python3',
      '-',
      String(files),
      String(megabytes),
    ],
    { input: fill },
  )
  const compose = ['project=' + name, 'service=app', 'oneoff=False', 'container-number=1']
  const labels = compose.flatMap(each => ['--label', `com.docker.compose.${each}`])
  await docker.run([
    'run',
    '-d',
    '--init',
    '--name',
    name,
    ...label,
    ...labels,
    ...mount,
    'lab/base:1',
    'sleep',
    '1000000',
  ])
  return {
    name,
    volume: name,
    [Symbol.asyncDispose]: async () => {
      await docker.try(['rm', '-f', name])
      await docker.try(['volume', 'rm', name])
    },
  }
}
