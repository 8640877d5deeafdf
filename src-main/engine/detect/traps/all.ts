import type { Finding, Item } from '../../../contract/model.ts'
import type { StackView } from '../view.ts'
import { gptchatDatabase } from './admin-database.ts'
import { backupDestination, backupLabels, hotDataFolder, otherBackupTool } from './backups.ts'
import { bindMissing, largeData, wideBind } from './binds.ts'
import { chromaPath } from './chroma.ts'
import { containerLayer, serverDataFolder } from './data-folder.ts'
import {
  builtImage,
  composeUnreadable,
  externalDatabase,
  filesMissing,
  movingTag,
  worldReadable,
} from './definition.ts'
import {
  driverFindings,
  embeddedDatabase,
  endOfLife,
  loneSqlite,
  searchCut,
  undumpedServer,
} from './servers.ts'
import type { Trap } from './trap.ts'
import {
  anonymousVolume,
  emptyVolume,
  externalVolume,
  networkVolume,
  sharedWithOthers,
} from './volumes.ts'

/** ONE LINE PER TRAP. */
const traps: readonly Trap[] = [
  gptchatDatabase,
  anonymousVolume,
  backupDestination,
  backupLabels,
  bindMissing,
  builtImage,
  chromaPath,
  composeUnreadable,
  containerLayer,
  driverFindings,
  embeddedDatabase,
  emptyVolume,
  endOfLife,
  externalDatabase,
  externalVolume,
  filesMissing,
  hotDataFolder,
  largeData,
  loneSqlite,
  movingTag,
  networkVolume,
  otherBackupTool,
  searchCut,
  serverDataFolder,
  sharedWithOthers,
  undumpedServer,
  wideBind,
  worldReadable,
]

const rank = { critical: 0, warning: 1, info: 2 } as const

/** Everything that the traps find, the worst first. */
export function findTraps(view: StackView, rows: readonly Item[]): readonly Finding[] {
  return traps
    .flatMap(trap => trap(view, rows))
    .toSorted(
      (a, b) =>
        rank[a.severity] - rank[b.severity] ||
        a.code.localeCompare(b.code) ||
        (a.item ?? '').localeCompare(b.item ?? '') ||
        a.message.localeCompare(b.message),
    )
}
