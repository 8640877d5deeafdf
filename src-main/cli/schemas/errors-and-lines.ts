import { z } from 'zod'

import { type ErrorCode, exitCodes } from '../../contract/errors.ts'
import { eventFields, progressFields, version, words } from './parts.ts'

const errorCode = z.enum(Object.keys(exitCodes) as [ErrorCode, ...ErrorCode[]])
export const wireError = z.strictObject({
  code: errorCode,
  message: words,
  state: words,
  hint: words,
  details: words.exactOptional(),
})

export const error = z.strictObject({
  ...version,
  error: z.strictObject({
    code: errorCode,
    message: words.describe('What happened.'),
    state: words.describe('What state data and services are in now.'),
    hint: words.describe('What to do.'),
    details: words.nullable(),
  }),
})

/** A line on the way; the last line is of type `result` and holds a document, or an `error`. */
export const streamLine = z.union([
  z.strictObject({ type: z.literal('progress'), ...progressFields }),
  z.strictObject({ type: z.literal('event'), ...eventFields }),
  z.looseObject({ type: z.literal('result'), ...version }),
])
