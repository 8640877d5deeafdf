import { en } from './en.ts'

/** Every text of the app, in the user's language. */
export type Messages = typeof en

/** The texts that the pages show. */
export const m: Messages = en
