import type { Operation, StreamDeps } from './stream.ts'
import { type PageToWrite, writePages, type Written } from './write-pages.ts'

export interface PageWriter<Cursor, Row> {
  /** Resolves when the page is committed. */
  write(page: PageToWrite<Cursor, Row>): Promise<Written>
  /** Resolves when there is room for a further page. */
  room(): Promise<void>
}

/** Pages that wait at most, so that reading never runs far ahead of writing. */
const mostWaiting = 64

/**
 * Writes the pages of many streams, one transaction after the other, each with all the pages that came while the one before
 * was on its way: a page waits for nobody where they are few, and shares statements and commit where they are many.
 */
export function openPageWriter<Cursor, Row>(
  deps: StreamDeps,
  operation: Operation<Cursor, Row>,
): PageWriter<Cursor, Row> {
  let waiting: { page: PageToWrite<Cursor, Row>; end: PromiseWithResolvers<Written> }[] = []
  let writing: Promise<void> | undefined

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting
      waiting = []
      try {
        const written = await writePages(
          deps,
          operation,
          batch.map(({ page }) => page),
        )
        for (const [n, { end }] of batch.entries()) {
          const one = written[n]
          if (one) end.resolve(one)
        }
      } catch (error) {
        for (const { end } of batch) end.reject(error)
      }
    }
    writing = undefined
  }

  return {
    write(page) {
      const end = Promise.withResolvers<Written>()
      waiting.push({ page, end })
      writing ??= writeAll()
      return end.promise
    },
    async room() {
      while (waiting.length >= mostWaiting) await waiting[0]?.end.promise.catch(() => {})
    },
  }
}
