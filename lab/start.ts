import { startEngines } from './engines/start.ts'
import { stderrReport } from './lib/report.ts'

// Starts the engines of the lab that do not run: `node lab/start.ts`.
await startEngines(stderrReport)
