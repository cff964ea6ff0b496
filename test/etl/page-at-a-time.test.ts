import { expect, test } from 'vitest'
import { pino } from 'pino'
import { insertJobCalls } from '../../src/db/job-calls.ts'
import { takeUp } from '../../src/db/leases.ts'
import { runStreams } from '../../src/etl/run-streams.ts'
import type { Operation } from '../../src/etl/stream.ts'
import { createDatabase } from '../support/database.ts'

test('a page of each stream and no more: nothing is asked ahead, what is left stays open; credits count with it', async () => {
  const { db } = await createDatabase()
  const call = { job: 'paged', trigger: 'cli', subject: '', params: {}, wake: false } as const
  const [id = ''] = await db.transaction().execute((trx) => insertJobCalls(trx, [call]))
  const lease = await takeUp(db, id, { worker: 'test', leaseSeconds: 20 })
  if (!lease) throw new Error('no lease')
  const never = new AbortController().signal
  const deps = { db, log: pino({ level: 'silent' }), lease, stopping: never, signal: never }
  const asked: string[] = []
  const paged: Operation<{ page: number }, never> = {
    service: 'apollo',
    operation: 'paged',
    entity: {
      source: 'apollo',
      entity: 'none',
      idOf: () => undefined,
      transform: () => ({ reject: 'none' }),
      load: async () => {},
    },
    async extract({ page }, { subject }) {
      asked.push(`${subject}${page}`)
      const next = page < 3 ? { page: page + 1 } : null
      return { records: [], next, credits: { spent: page, settled: 0 } }
    },
  }
  const seeds = ['a', 'b'].map((subject) => ({ subject, cursor: { page: 1 } }))
  let pages = 0
  const read = () =>
    runStreams(deps, paged, seeds, { pages: 1, parallel: 1, onPage: () => pages++ })
  await read()
  expect(asked).toEqual(['a1', 'b1'])
  await read()
  expect(asked.slice(2)).toEqual(['a2', 'b2'])
  await read()
  await read()
  expect(asked.slice(4)).toEqual(['a3', 'b3'])
  expect(pages).toBe(6)
  const streams = await db
    .selectFrom('ledger.service_calls')
    .select(['subject', 'status', 'pages', 'credits'])
    .orderBy('subject')
    .execute()
  const done = { status: 'done', pages: 3, credits: 6 }
  expect(streams).toEqual([
    { subject: 'a', ...done },
    { subject: 'b', ...done },
  ])
})
