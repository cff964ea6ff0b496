import {
  appendFileSync,
  closeSync,
  copyFileSync,
  fstatSync,
  openSync,
  readSync,
  statfsSync,
  statSync,
  truncateSync,
} from 'node:fs'
import { basename, dirname } from 'node:path'

const maxBytes = 5_000_000
const lowSpaceBytes = 20_000_000

/** Adds a line with the time to a log file. One that cannot be written is left out: the disk is full. */
export function logLine(path: string, text: string): void {
  try {
    appendFileSync(path, `${new Date().toISOString()} ${text}\n`, { mode: 0o600 })
  } catch {}
}

/** Opens a log for a child to append to. The caller closes its own descriptor after the spawn. */
export function openLog(path: string): number {
  return openSync(path, 'a', 0o600)
}

/** Where the log ends now: what a start adds is read from here. In bytes, 0 where there is none. */
export function logEnd(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

/**
 * Keeps a log below about 5 MB, with the part before in `<path>.1`.
 * Copied and cut, not renamed: the children that append to it hold it open.
 */
export function boundLog(path: string): void {
  if (logEnd(path) <= maxBytes) return
  copyFileSync(path, `${path}.1`)
  truncateSync(path)
}

/** The last lines that were written after `from`, for an error message. */
export function logTail(path: string, from: number, lines = 6): string {
  const text = readFrom(path, from)
  const last = text.split('\n').filter((line) => line.trim() !== '')
  const words = last.length === 0 ? 'is empty' : `ends with:\n  ${last.slice(-lines).join('\n  ')}`
  const { bavail, bsize } = statfsSync(dirname(path))
  // A log on a full disk cannot say so.
  const isFull = bavail * bsize < lowSpaceBytes
  return `${basename(path)} ${words}${isFull ? `\n  (the disk of ${dirname(path)} is full)` : ''}`
}

/** What was written after `from`, as text; at most the last 16 kB. */
export function readFrom(path: string, from: number): string {
  const file = openSync(path, 'a+')
  try {
    const { size } = fstatSync(file)
    const start = Math.max(from, size - 16_384)
    const buffer = Buffer.alloc(Math.max(0, size - start))
    readSync(file, buffer, 0, buffer.length, start)
    return buffer.toString('utf8')
  } finally {
    closeSync(file)
  }
}
