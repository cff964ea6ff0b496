import { pino } from 'pino'
import { insertJobCalls } from '../../../src/db/job-calls.ts'
import { takeUp } from '../../../src/db/leases.ts'
import type { Operation, StreamDeps } from '../../../src/etl/stream.ts'
import type { TestDatabase } from '../../support/database.ts'

/** What streams work with: a job call that is held for the test. */
export async function heldCall({ db }: TestDatabase): Promise<StreamDeps> {
  const call = { job: 'streams', trigger: 'cli', subject: '', params: {}, wake: false } as const
  const [id = ''] = await db.transaction().execute((trx) => insertJobCalls(trx, [call]))
  const lease = await takeUp(db, id, { worker: 'test', leaseSeconds: 60 })
  if (!lease) throw new Error('no lease')
  const never = new AbortController().signal
  return { db, log: pino({ level: 'silent' }), lease, stopping: never, signal: never }
}

export type Numbered = Operation<{ page: number }, { id: string }>

/** Lists of texts, `pages` pages each of one record; what of it is to be otherwise, in `but`. */
export function numbered(pages: number, but: Partial<Numbered> = {}): Numbered {
  return {
    service: 'instagram',
    operation: 'numbered',
    entity: {
      source: 'instagram',
      entity: 'numbered',
      idOf: (payload) => String(payload),
      transform: (payload) => ({ row: { id: String(payload) } }),
      load: async () => {},
    },
    extract: async ({ page }, { subject }) => ({
      records: [`${subject} ${page}`],
      next: page < pages ? { page: page + 1 } : null,
    }),
    ...but,
  }
}

export const seedsOf = (...subjects: string[]) =>
  subjects.map((subject) => ({ subject, cursor: { page: 1 } }))
