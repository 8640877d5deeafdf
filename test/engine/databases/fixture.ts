import type { DatabaseEngine } from '../../../src-main/engine/databases/database.ts'
import type { LabServer } from './lab-server.ts'

/** What the suite needs to know of one engine to try it on a real server. */
export interface DatabaseFixture {
  readonly engine: DatabaseEngine
  /** Which server it is, where one engine has several. */
  readonly label?: string
  /** A server with a password that is full of shell and SQL; `options` are for the container. */
  start(more?: {
    readonly env?: Readonly<Record<string, string>>
    readonly docker?: readonly string[]
    readonly command?: readonly string[]
  }): Promise<LabServer>
  /** The password of that server. */
  readonly password: string
  /** The database with 20 000 rows and every kind of value. */
  readonly main: string
  /** A database whose name is quotes, spaces and `$()`; `main` again where a server is one database. */
  readonly hostile: string
  /** A database without anything in it; `main` again where a server is one database. */
  readonly empty: string
  /** Makes and fills the three databases. */
  fill(server: LabServer): Promise<void>
  /** Everything that a user would miss, as a hash, made with the engine's own tools. Null when the database is not there. */
  fingerprint(server: LabServer, database: string): Promise<string | null>
  /** Makes a database different from what it was. */
  damage(server: LabServer, database: string): Promise<void>
  /** Removes a database altogether. */
  lose(server: LabServer, database: string): Promise<void>
  /** Names of databases and of users, to see that nothing is left over. */
  surroundings(server: LabServer): Promise<string>
  /** Writes two rows at a time, in one transaction, for as long as `while` is true; resolves with the number written. */
  writePairs(server: LabServer, database: string, goOn: () => boolean): Promise<number>
  /** The two tables into which `writePairs` writes, as the counts call them. */
  readonly pairTables: readonly [string, string]
  /** True where the server knows its counts without counting; they are then never estimated. */
  readonly countsAtOnce?: boolean
  /** Changes the password of the login, so that the container's variables are wrong. */
  breakLogin(server: LabServer): Promise<void>
  /** Name of the variable that the message must name. */
  readonly passwordVariable: string
  /** Hides the dump program in the container. */
  hideTool(server: LabServer): Promise<void>
  /** Makes the dump long enough to be hit in its middle (some 100 MB). */
  grow(server: LabServer): Promise<void>
  /** Database that `grow` filled. */
  readonly large: string
  /** Name of the process that dumps, as pgrep finds it. */
  readonly dumpProcess: string
  /** Lines that must not be in the server's log after a dump was killed or aborted. */
  readonly crashWords: RegExp
  /** The stock program of its restore guide, where an image may lack it: without it that test is skipped by name. */
  readonly guideTool?: string
  /** Number of sessions of ours that the server still has. */
  sessions(server: LabServer): Promise<number>
}
