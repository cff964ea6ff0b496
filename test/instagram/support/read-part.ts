import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import { createHttpClient, newMeter } from '../../../src/etl/extract/http-client.ts'
import { openInstagram } from '../../../src/etl/extract/instagram/open-route.ts'
import type { InstagramRoute, StreamSeed } from '../../../src/etl/extract/instagram/route.ts'
import type { Operation, Page } from '../../../src/etl/stream.ts'
import { parseSettings } from '../../../src/settings.ts'
import { createSharedDatabase } from '../../etl/support/database.ts'

export type Read = {
  pages: Page<unknown>[]
  records: Record<string, unknown>[]
  opens: NonNullable<Page<unknown>['opens']>[number][]
  absent: string[]
  requests: number
}

/** A route to a server by the real HTTP client, on a database of its own, with short pauses. */
export async function openTestRoute(env: Record<string, string>) {
  const database = await createSharedDatabase()
  onTestFinished(() => database.stop())
  const { db } = database.connect()
  const log = pino({ level: 'silent' })
  const http = createHttpClient({ db, log, worker: 'test', retryDelaysMs: [5, 10, 20] })
  onTestFinished(() => http.close())
  const settings = parseSettings({
    INSTAGRAM_ACCESS_KEY: 'sandbox-key',
    INSTAGRAM_REQUESTS_PER_SECOND: '5000',
    ...env,
  })
  return { db, route: openInstagram(http, settings) satisfies InstagramRoute }
}

/** Asks for one page. */
export async function readPage<Row>(
  operation: Operation<unknown, Row>,
  cursor: unknown,
): Promise<{ page: Page<unknown>; requests: number }> {
  const meter = newMeter()
  const context = { meter, signal: new AbortController().signal }
  // As the ledger keeps it: what JSON leaves out of a cursor would be missing after a kill.
  const kept = JSON.parse(JSON.stringify(cursor)) as unknown
  const page = await operation.extract(kept, { subject: '', serviceCallId: '', context })
  return { page, requests: meter.requests }
}

/** Reads a stream page by page until it ends by itself, or after `most` pages. */
export async function readPart<Row>(
  { operation }: { operation: Operation<unknown, Row> },
  { cursor: first }: Pick<StreamSeed, 'cursor'>,
  most = 10_000,
): Promise<Read> {
  const read: Read = { pages: [], records: [], opens: [], absent: [], requests: 0 }
  for (let cursor: unknown = first; cursor !== null && read.pages.length < most; ) {
    const { page, requests } = await readPage(operation, cursor)
    read.pages.push(page)
    read.records.push(...(page.records as Record<string, unknown>[]))
    read.opens.push(...(page.opens ?? []))
    read.absent.push(...(page.absent ?? []))
    read.requests += requests
    cursor = page.next
  }
  return read
}

export const pks = (records: readonly Record<string, unknown>[]): string[] =>
  records.map(({ pk }) => String(pk))
