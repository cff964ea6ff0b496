import { sql } from 'kysely'
import type { Db } from '../db/connect.ts'
import { getJobCall } from '../db/job-calls.ts'
import { Fault } from '../errors.ts'
import type { Source } from '../etl/entities.ts'
import {
  type RecordsCursor,
  type RejectsCursor,
  replayOperation,
  replayRecords,
  replayRejects,
} from '../etl/extract/replay.ts'
import { type Chosen, countRecords, countRejects } from '../etl/extract/stored-records.ts'
import type { Entity } from '../etl/stream.ts'
import { defineJob, type Run } from './job.ts'
import { kindsOf, type ReplayParams, replayParams } from './replay-params.ts'

/**
 * Transforms what is stored again, one kind of record after the other, each a stream of its own: no request is made. One kind that
 * fails leaves the others to go on.
 */
export const replay = defineJob<ReplayParams>({
  name: 'replay',
  title: 'raw records and rejects, transformed again without a request',
  params: replayParams,
  // Half of it went through the transform as it was then.
  cursorMaxAgeMs: 0,
  needs: [],
  subject: ({ source, entity }) => [source, entity].filter(Boolean).join(' '),

  async plan({ db }, params) {
    const chosen = await choose(db, params)
    const requests = []
    for (const { entity } of kindsOf(params)) {
      const records = await countRecords(db, entity, chosen)
      const rejects = await countRejects(db, entity, chosen)
      const also = rejects > 0 ? `, ${rejects} rejects that are none` : ''
      const why = `${records} records of ${entity.source}${also}`
      if (records + rejects > 0)
        requests.push({ operation: replayOperation(entity.entity), count: 0, why })
    }
    return { requests, credits: 0 }
  },

  async run(run) {
    const { db, call, params } = run
    const chosen = await choose(db, params)
    const failed: Fault[] = []
    for (const { source, entity } of kindsOf(params)) {
      await replayKind(run, source, entity, chosen).catch((error: unknown) => {
        if (!(error instanceof Fault && error.kind === 'streams')) throw error
        failed.push(error)
      })
    }
    const [first] = failed
    if (first && failed.length === 1) throw first
    if (first)
      throw new Fault('streams', failed.map(({ message }) => message).join('; '), {
        retriable: failed.some(({ retriable }) => retriable),
      })
    return await countReplayed(db, call.id)
  },
})

/** The raw records, and then the rejects that are in none: some of those are closed by then. */
async function replayKind(
  run: Run<ReplayParams>,
  source: Source,
  entity: Entity<object>,
  chosen: Chosen,
): Promise<void> {
  const { db } = run
  const alone = { parallel: 1 }
  const firstRecord: RecordsCursor = { after: '' }
  const firstReject: RejectsCursor = { after: 0 }
  const records = await countRecords(db, entity, chosen)
  await run.streams(
    replayRecords(db, source, entity, chosen),
    records > 0 ? [{ subject: '', cursor: firstRecord }] : [],
    alone,
  )
  const rejects = await countRejects(db, entity, chosen)
  await run.streams(
    replayRejects(db, source, entity, chosen),
    rejects > 0 ? [{ subject: '', cursor: firstReject }] : [],
    alone,
  )
}

/** @throws Fault `params` where there is no such call. */
async function choose(
  db: Db,
  { since, until, jobCall, serviceCall }: ReplayParams,
): Promise<Chosen> {
  if (jobCall && !(await getJobCall(db, jobCall)))
    throw new Fault('params', `there is no job call ${jobCall}`, {
      hint: 'npm run ledger -- runs lists them',
    })
  if (serviceCall && !(await isServiceCall(db, serviceCall)))
    throw new Fault('params', `there is no service call ${serviceCall}`, {
      hint: 'npm run ledger -- show ID lists those of a job call',
    })
  return {
    since: since === undefined ? undefined : new Date(since),
    until: until === undefined ? undefined : new Date(until),
    jobCall,
    serviceCall,
  }
}

async function isServiceCall(db: Db, id: string): Promise<boolean> {
  const found = await db
    .selectFrom('ledger.service_calls')
    .select('id')
    .where('id', '=', id)
    .executeTakeFirst()
  return found !== undefined
}

async function countReplayed(db: Db, jobCallId: string): Promise<object> {
  const { rows } = await sql<{ records: number; rejected: number }>`
    select coalesce(sum(rows_read), 0)::bigint as records, coalesce(sum(rows_rejected), 0)::bigint as rejected
    from ledger.service_calls where job_call_id = ${jobCallId}`.execute(db)
  return rows[0] ?? {}
}
