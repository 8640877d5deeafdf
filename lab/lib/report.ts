/** How the lab speaks: one line per thing done, in plain words, on standard error. */
export interface Report {
  /** Something that took work, or matters to the reader. */
  say(line: string): void
}

/** Writes to standard error, so that standard output stays free for data. */
export const stderrReport: Report = {
  say: line => process.stderr.write(`lab: ${line}\n`),
}

/** Says nothing. */
export const silentReport: Report = { say: () => undefined }
