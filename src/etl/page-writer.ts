import { isDatabaseAway } from '../db/lost-connection.ts'
import type { Operation, StreamDeps } from './stream.ts'
import { underAll } from '../tracing.ts'
import { stopsTheCall } from './stream-failures.ts'
import { type PageToWrite, writePages, type Written } from './write-pages.ts'

export interface PageWriter<Cursor, Row> {
  /** Pages of one stream in their order: each resolves when it is committed. */
  write(pages: readonly PageToWrite<Cursor, Row>[]): Promise<Written>[]
  /** Resolves when there is room for a further page. */
  room(): Promise<void>
}

interface Waiting<Cursor, Row> {
  page: PageToWrite<Cursor, Row>
  end: PromiseWithResolvers<Written>
}

/** Pages that wait at most, so that reading never runs far ahead of writing. */
const mostWaiting = 64
/** Transactions side by side at most, and how many pages must wait for another one to be worth it. */
const mostWriters = 2
const worthAnother = 32

/**
 * Writes the pages of many streams, each transaction with all the pages that came while the one before was on its way: a page
 * waits for nobody where they are few, and shares statements and commit where they are many. Where they cannot be written
 * together, each is written by itself.
 */
export function openPageWriter<Cursor, Row>(
  deps: StreamDeps,
  operation: Operation<Cursor, Row>,
): PageWriter<Cursor, Row> {
  let waiting: Waiting<Cursor, Row>[] = []
  let writers = 0

  async function writeWhileSomeWait(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting
      waiting = []
      await writeTogether(batch)
    }
    writers--
  }

  async function writeTogether(batch: readonly Waiting<Cursor, Row>[]): Promise<void> {
    const pages = batch.map(({ page }) => page)
    try {
      const spans = pages.map(({ span }) => span)
      const written = await underAll(spans, () => writePages(deps, operation, pages))
      for (const [n, how] of written.entries()) {
        spans[n]?.end()
        batch[n]?.end.resolve(how)
      }
    } catch (error) {
      // A page that cannot be written must not take others with it.
      const mayBeOneOfThem = batch.length > 1 && !isDatabaseAway(error) && !stopsTheCall(error)
      if (mayBeOneOfThem && !deps.signal.aborted) await writeOneByOne(batch)
      else for (const one of batch) fail(one, error)
    }
  }

  async function writeOneByOne(batch: readonly Waiting<Cursor, Row>[]): Promise<void> {
    const broken = new Map<string, unknown>()
    for (const one of batch) {
      const { id } = one.page.stream
      if (broken.has(id)) fail(one, broken.get(id))
      else await writeTogether([one])
      await one.end.promise.catch((error: unknown) => broken.set(id, error))
    }
  }

  function fail({ page, end }: Waiting<Cursor, Row>, error: unknown): void {
    page.span?.end(error)
    end.reject(error)
  }

  return {
    write(pages) {
      const ends = pages.map((page) => ({ page, end: Promise.withResolvers<Written>() }))
      waiting.push(...ends)
      if (writers === 0 || (writers < mostWriters && waiting.length >= worthAnother)) {
        writers++
        void writeWhileSomeWait()
      }
      return ends.map(({ end }) => end.promise)
    },
    async room() {
      while (waiting.length >= mostWaiting) await waiting[0]?.end.promise.catch(() => {})
    },
  }
}
