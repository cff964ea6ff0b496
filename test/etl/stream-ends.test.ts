import { getEventListeners } from 'node:events'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { openStreams } from '../../src/db/service-calls.ts'
import { Fault } from '../../src/errors.ts'
import { tombstoneOf } from '../../src/etl/erased/tombstones.ts'
import { newMeter } from '../../src/etl/extract/http-client.ts'
import { openPageWriter } from '../../src/etl/page-writer.ts'
import { runStreams } from '../../src/etl/run-streams.ts'
import { sortPage } from '../../src/etl/sort-page.ts'
import type { ExtractTools, Operation, StreamDeps } from '../../src/etl/stream.ts'
import { type PageToWrite, writePages } from '../../src/etl/write-pages.ts'
import { createDatabase } from '../support/database.ts'
import { heldCall, type Numbered, numbered, seedsOf } from './support/streams.ts'

test('nothing listens any more to the signal that streams were read with', async () => {
  const deps = await heldCall(await createDatabase())
  const signals = new Set<AbortSignal>()
  const asUsual = numbered(2)
  const listening = numbered(2, {
    readAhead: false,
    extract(cursor, tools) {
      signals.add(tools.context.signal)
      return asUsual.extract(cursor, tools)
    },
  })
  await runStreams(deps, listening, seedsOf('a', 'b'))
  expect(signals.size).toBe(1)
  for (const signal of [...signals, deps.signal, deps.stopping])
    expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('a stream whose page is written a second time goes on, though nothing of it is new then', async () => {
  const deps = await heldCall(await createDatabase())
  const page = await pageOf(deps, numbered(2), 'a')
  const untilNothingNew = { ...page, page: { ...page.page, endsUnless: 'new' as const } }
  const [first] = await writePages(deps, numbered(2), [untilNothingNew])
  // The answer to the commit was lost.
  const [again] = await writePages(deps, numbered(2), [untilNothingNew])
  expect([first?.done, again?.done]).toEqual([false, false])
  expect(await streams(deps)).toMatchObject([{ subject: 'a', status: 'open', pages: 1 }])
})

test('pages of one stream that are written a second time change nothing, and leave it as they did', async () => {
  const deps = await heldCall(await createDatabase())
  const first = await pageOf(deps, numbered(2), 'a')
  const last = await numbered(2).extract({ page: 2 }, first.tools)
  const pages = [
    first,
    {
      ...first,
      stream: { ...first.stream, pages: 1 },
      page: last,
      sorted: await sortPage(numbered(2).entity, last.records),
    },
  ]
  const written = await writePages(deps, numbered(2), pages)
  const [stands] = await streams(deps)
  expect(stands).toMatchObject({ status: 'done', pages: 2, rows_inserted: 2, cursor: null })
  const again = await writePages(deps, numbered(2), pages)
  for (const ends of [written, again]) expect(ends.map(({ done }) => done)).toEqual([false, true])
  // One by one too, as they are tried where something fails.
  for (const [n, page] of pages.entries())
    expect(await writePages(deps, numbered(2), [page])).toMatchObject([{ done: n === 1 }])
  expect(await streams(deps)).toEqual([stands])
})

test('a page of which all is rejected may still be new: the stream goes on', async () => {
  const deps = await heldCall(await createDatabase())
  const { entity } = numbered(3)
  const all = numbered(3, {
    readAhead: false,
    entity: { ...entity, transform: () => ({ reject: 'not understood' }) },
    extract: async ({ page }, { subject }) => ({
      records: [`${subject} ${page}`],
      next: page < 3 ? { page: page + 1 } : null,
      endsUnless: 'new' as const,
    }),
  })
  await runStreams(deps, all, seedsOf('a'))
  expect(await streams(deps)).toMatchObject([{ status: 'done', pages: 3, rows_rejected: 3 }])
})

test('a page that cannot be written takes none with it that wait beside it', async () => {
  const deps = await heldCall(await createDatabase())
  const refusing = numbered(1, {
    async alsoWrite(_trx, pages) {
      if (pages.some(({ subject }) => subject === 'bad')) throw new Error('not this one')
    },
  })
  const pages = []
  for (const subject of ['first', 'good', 'bad', 'better'])
    pages.push(await pageOf(deps, refusing, subject))
  const writer = openPageWriter(deps, refusing)
  const written = await Promise.allSettled(pages.flatMap((page) => writer.write([page])))
  expect(written.map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
    'rejected',
    'fulfilled',
  ])
  expect((await streams(deps)).map(({ subject, status }) => `${subject} ${status}`)).toEqual([
    'bad open',
    'better done',
    'first done',
    'good done',
  ])
})

test('requests count though their page cannot be written', async () => {
  const deps = await heldCall(await createDatabase())
  const asUsual = numbered(1)
  const refusing = numbered(1, {
    async extract(cursor, tools) {
      tools.context.meter.requests++
      return await asUsual.extract(cursor, tools)
    },
    alsoWrite: () => Promise.reject(new Error('not this one')),
  })
  await expect(runStreams(deps, refusing, seedsOf('a'))).rejects.toMatchObject({ kind: 'streams' })
  expect(await streams(deps)).toMatchObject([{ status: 'failed', pages: 0, requests: 1 }])
})

test('a stream whose cursor repeats fails, and its requests count', async () => {
  const deps = await heldCall(await createDatabase())
  for (const readAhead of [true, false, 'kept'] as const) {
    const again = numbered(3, {
      readAhead,
      async extract({ page }, { subject, context }) {
        context.meter.requests++
        return { records: [`${subject} ${page}`], next: { page: Math.min(page + 1, 2) } }
      },
    })
    await expect(runStreams(deps, again, seedsOf(String(readAhead)))).rejects.toMatchObject({
      kind: 'streams',
    })
  }
  for (const stream of await streams(deps))
    expect(stream).toMatchObject({ status: 'failed', pages: 1, requests: 2 })
})

test('the error of many streams counts them, names the first and may be tried again where one may', async () => {
  const deps = await heldCall(await createDatabase())
  const failing = numbered(1, {
    async extract(_cursor, { subject }) {
      throw new Fault('upstream', `no ${subject}`, { retriable: subject === 'b' })
    },
  })
  const reading = runStreams(deps, failing, seedsOf('a', 'b', 'c'), { parallel: 1 })
  await expect(reading).rejects.toMatchObject({
    kind: 'streams',
    message: '3 streams of instagram numbered failed: no a',
    retriable: true,
  })
})

test('who watches ends no stream by a mistake of his own', async () => {
  const deps = await heldCall(await createDatabase())
  await runStreams({ ...deps, onProgress: notMyDay }, numbered(3), seedsOf('a', 'b'))
  expect(await streams(deps)).toMatchObject([
    { status: 'done', pages: 3 },
    { status: 'done', pages: 3 },
  ])
})

test('a stream whose next page is of somebody who was erased meanwhile ends with this one', async () => {
  const deps = await heldCall(await createDatabase())
  await sql`
    with erasure as (insert into ledger.erasures (kind, asked_by) values ('profile', 'test') returning id)
    insert into ledger.tombstones (hash, erasure_id, is_person)
    select decode(${tombstoneOf('instagram', '99')}, 'hex'), id, true from erasure`.execute(deps.db)
  const { service, operation, entity } = numbered(2)
  const byIds: Operation<{ ids: string[] }, { id: string }> = {
    service,
    operation,
    entity,
    async extract({ ids: [id, ...rest] }) {
      return { records: [`record ${id}`], next: rest.length > 0 ? { ids: rest } : null }
    },
  }
  await runStreams(deps, byIds, [{ subject: 'a', cursor: { ids: ['1', '99'] } }])
  expect(await streams(deps)).toMatchObject([{ status: 'done', pages: 1, rows_inserted: 1 }])
})

function notMyDay(): never {
  throw new Error('not my day')
}

/** A stream, and its first page as it comes. */
async function pageOf(
  { db, lease }: StreamDeps,
  operation: Numbered,
  subject: string,
): Promise<PageToWrite<{ page: number }, { id: string }> & { tools: ExtractTools }> {
  const { service, operation: name } = operation
  const cursor = { page: 1 }
  await openStreams(db, lease, service, [{ operation: name, subject, cursor }])
  const { id } = await db
    .selectFrom('ledger.service_calls')
    .select('id')
    .where('subject', '=', subject)
    .executeTakeFirstOrThrow()
  const tools = {
    subject,
    serviceCallId: id,
    context: { meter: newMeter(), signal: new AbortController().signal },
  }
  const page = await operation.extract(cursor, tools)
  return {
    stream: { id, pages: 0, subject },
    page,
    sorted: await sortPage(operation.entity, page.records),
    requests: newMeter(),
    fetchedAt: new Date(),
    tools,
  }
}

const streams = ({ db }: StreamDeps) =>
  db.selectFrom('ledger.service_calls').selectAll().orderBy('subject').execute()
