import { sql, type Transaction } from 'kysely'
import type { DB } from '../db/schema.generated.ts'
import { noteRead, readRecently } from '../db/subject-reads.ts'
import { getWatermark, moveWatermark } from '../db/watermarks.ts'
import type { Operation } from '../etl/stream.ts'
import type { Run } from './job.ts'

/** Read again before the watermark: a change may show up later than its time says. */
const overlapMs = 5 * 60_000
/** Likewise before the newest change that was seen. */
const newestOverlapMs = 60_000
const foreverMs = 100 * 365 * 86_400_000

export type WatermarkName = 'contacts' | 'companies' | 'notes'
const tables = { contacts: 'contacts', companies: 'companies', notes: 'contact_notes' } as const

/** How far changes have been read, across runs. */
export function openWatermarks({ db, call, readingSince }: Run<object>, account: string) {
  const service = 'amocrm' as const
  const keyOf = (operation: WatermarkName) => ({
    job: call.job,
    service,
    operation,
    subject: account,
  })
  /** Up to here this reading covers all, by our clock. */
  const next = new Date(readingSince.getTime() - overlapMs)

  return {
    next,

    /**
     * Where to read on from; undefined: nothing was read yet. Not later than the newest change that had been seen when the
     * watermark was set: the upstream's clock may be behind ours.
     */
    async readFrom(name: WatermarkName): Promise<Date | undefined> {
      const watermark = await getWatermark(db, keyOf(name))
      const newest = await readRecently(db, service, `${name}.newest`, [account], foreverMs)
      const seen = newest.get(account)
      if (!watermark || typeof seen !== 'string') return watermark
      return new Date(Math.min(watermark.getTime(), Date.parse(seen) - newestOverlapMs))
    },

    /**
     * An operation whose stream `subject`, the last one, moves the watermark with its end. Nothing seen moves nothing:
     * neither an account of which nothing is known, nor an empty answer a watermark that is there.
     */
    moving<Cursor, Row>(
      operation: Operation<Cursor, Row>,
      name: WatermarkName,
      subject: string,
    ): Operation<Cursor, Row> {
      return {
        ...operation,
        async alsoWrite(trx, pages) {
          await operation.alsoWrite?.(trx, pages)
          const page = pages.find((one) => one.done && one.subject === subject)
          if (!page) return
          const newest = await newestSeen(trx, name, readingSince)
          if (!newest) return
          if (page.ids.length === 0 && (await getWatermark(trx, keyOf(name)))) return
          await moveWatermark(trx, keyOf(name), next, call.id)
          await noteRead(trx, service, `${name}.newest`, [account], newest.toISOString())
        },
      }
    },
  }
}

/** What lies in the future says nothing of how far the reading got. */
async function newestSeen(
  trx: Transaction<DB>,
  name: WatermarkName,
  readingSince: Date,
): Promise<Date | undefined> {
  const { rows } = await sql<{ newest: Date | null }>`
    select max(updated_at) as newest from ${sql.table(`public.${tables[name]}`)}
    where source = 'amocrm' and updated_at <= ${readingSince}`.execute(trx)
  return rows[0]?.newest ?? undefined
}
