import { stopEngines } from './engines/start.ts'
import { stderrReport } from './lib/report.ts'

// Stops the engines of the lab with all that runs in them: `node lab/stop.ts`.
await stopEngines(stderrReport)
