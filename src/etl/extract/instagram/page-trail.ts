import { createHash } from 'node:crypto'
import { Fault } from '../../../errors.ts'
import { idInList } from './record-fields.ts'

/** Where a stream has been, as far as it takes to notice that it goes in a circle. Its size is bounded. */
export interface Trail {
  pages: number
  /** Fingerprints of the last few cursors and pages. */
  last: string[]
  /** Those of two pages further back, moved up whenever the number of pages doubles: a circle of any length meets them (Brent). */
  marks: string[]
  /** How many pages in a row were pages that had come before. */
  again: number
}

const mostLast = 8
const start: Trail = { pages: 0, last: [], marks: [], again: 0 }

/**
 * The trail with one more page on it. A wrong parameter brings the first page for ever (upstreams/instagram.md, B1), some
 * circles are longer than that, and some servers make each cursor look new, so that the records have to tell: two pages in a
 * row that came before, since one alone may have been pushed down by new records.
 * @throws Fault `bad_answer` that quotes the cursor.
 */
export function follow(
  trail: Trail | undefined,
  page: { records: readonly unknown[]; next: string },
  call: string,
): Trail {
  const { pages, last, marks, again } = trail ?? start
  const hasMet = (print: string) => last.includes(print) || marks.includes(print)
  const cursor = fingerprint(page.next)
  const ids = page.records.flatMap((record) => idInList(record) ?? [])
  const content = ids.length > 0 ? fingerprint(ids.join()) : undefined
  const repeats = content !== undefined && hasMet(content) ? again + 1 : 0
  if (hasMet(cursor)) throw circle(`${call}: the cursor repeats: ${page.next.slice(0, 200)}`)
  if (repeats > 1)
    throw circle(`${call}: the same records come again, with the cursor ${page.next.slice(0, 200)}`)
  const prints = content === undefined ? [cursor] : [cursor, content]
  return {
    pages: pages + 1,
    last: [...last, ...prints].slice(-mostLast),
    marks: isPowerOfTwo(pages) ? prints : isPowerOfTwo(pages - 1) ? [...marks, ...prints] : marks,
    again: repeats,
  }
}

const isPowerOfTwo = (n: number) => (n & (n - 1)) === 0

function circle(message: string): Fault {
  return new Fault('bad_answer', message, {
    service: 'instagram',
    hint: 'the list goes in a circle: what follows cannot be read this way',
    retriable: false,
  })
}

const fingerprint = (text: string) =>
  createHash('sha256').update(text).digest('base64url').slice(0, 12)
