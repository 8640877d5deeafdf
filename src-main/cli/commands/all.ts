import { registerAudit } from './audit.ts'
import { registerBackup } from './backup.ts'
import { registerCheck } from './check.ts'
import type { RegisterCommand } from './command.ts'
import { registerCompletion } from './completion.ts'
import { registerDemo } from './demo.ts'
import { registerDoctor } from './doctor.ts'
import { registerHosts } from './hosts.ts'
import { registerRestore } from './restore.ts'
import { registerServe } from './serve.ts'
import { registerSnapshots } from './snapshots.ts'
import { registerStacks } from './stacks.ts'
import { registerStatus } from './status.ts'

/** Every verb, in the order of the help. */
export const commands: readonly RegisterCommand[] = [
  registerDemo,
  registerStacks,
  registerBackup,
  registerStatus,
  registerSnapshots,
  registerCheck,
  registerRestore,
  registerHosts,
  registerDoctor,
  registerAudit,
  registerServe,
  registerCompletion,
]
