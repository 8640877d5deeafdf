import { statfs } from 'node:fs/promises'
import path from 'node:path'

import { AppError, type ErrorCode } from '../../contract/errors.ts'
import { codeOf } from '../lib/durable.ts'

/** Bytes in a unit that a person reads. */
export function bytesText(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ''}`
}

/** Free bytes for this user on the file system of a folder, looking upwards for the first that exists; null when it cannot be told. */
export async function freeBytes(folder: string): Promise<number | null> {
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    const stats = await statfs(at).catch(() => null)
    if (stats !== null) return stats.bavail * stats.bsize
    if (at === path.dirname(at)) return null
  }
}

/** A failure of the disk that is written to, told apart from failures of the stream that is read. */
export class DiskFailure extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

/** Marks what fails in an operation on the destination. */
export async function onDisk<T>(operation: Promise<T>): Promise<T> {
  try {
    return await operation
  } catch (error) {
    throw error instanceof DiskFailure ? error : new DiskFailure(error)
  }
}

const STATE =
  'What was being written was removed. Snapshots that were complete before are untouched.'

interface Cause {
  readonly code: ErrorCode
  readonly message: string
  readonly hint: string
}

function causeOf(code: string, place: string): Cause | null {
  switch (code) {
    case 'EFBIG':
      return {
        code: 'destination-unwritable',
        message: `The file system of ${place} cannot hold a file as large as this one.`,
        hint: 'FAT32 holds at most 4 GiB in a file: use a disk with exFAT, NTFS, ext4 or APFS for the repository.',
      }
    case 'EROFS':
      return {
        code: 'destination-unwritable',
        message: `${place} is mounted read-only.`,
        hint: 'Mount the disk so that it can be written, or choose another folder with --repo.',
      }
    case 'EACCES':
    case 'EPERM':
      return {
        code: 'destination-unwritable',
        message: `There is no permission to write to ${place}.`,
        hint: 'Change the owner or the mode of the folder, or choose another one with --repo.',
      }
    case 'EIO':
    case 'ESTALE':
    case 'ENODEV':
    case 'ENXIO':
    case 'ENOTCONN':
    case 'EHOSTDOWN':
    case 'ETIMEDOUT':
    case 'ESHUTDOWN':
    case 'ENOENT':
      return {
        code: 'destination-unwritable',
        message: `The disk of ${place} failed or went away while it was being written (${code}).`,
        hint: 'Check the disk or the network share and its cable, mount it again, and repeat the backup.',
      }
    default:
      return null
  }
}

/**
 * Turns an error of the file system into one that says what to do. `neededBytes`: what would have to be
 * free for this write to succeed. An `AppError` and what is no error of the file system pass as they are.
 */
export async function storageError(
  failure: unknown,
  place: string,
  neededBytes: number,
): Promise<unknown> {
  const error = failure instanceof DiskFailure ? failure.cause : failure
  const code = codeOf(error)
  if (error instanceof AppError || code === null) return error
  const details = error instanceof Error ? error.message : code
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const free = await freeBytes(place)
    const has = free === null ? '' : ` It has ${bytesText(free)} free now.`
    return new AppError(
      'disk-full',
      {
        message: `The disk of ${place} is full: at least ${bytesText(neededBytes)} (${neededBytes} bytes) are needed.${has}`,
        state: STATE,
        hint: `Free at least ${bytesText(neededBytes)} there, or choose another folder with --repo. Lifeboat deletes nothing to make room.`,
        details,
      },
      error,
    )
  }
  const cause = causeOf(code, place)
  if (cause === null) return error
  const { code: appCode, message, hint } = cause
  return new AppError(appCode, { message, state: STATE, hint, details }, error)
}
