import { sql } from 'kysely'
import { z } from 'zod'
import { getJobCall } from '../db/job-calls.ts'
import { Fault } from '../errors.ts'
import { entities, type Source } from '../etl/entities.ts'
import { replayOf, replayOperation, replayStart } from '../etl/extract/replay.ts'
import { type Chosen, countStored } from '../etl/extract/stored-records.ts'
import type { Entity } from '../etl/stream.ts'
import type { Db } from '../db/connect.ts'
import { defineJob } from './job.ts'

const sources = Object.keys(entities) as Source[]
const namesOf = (some: readonly Source[]) => [
  ...new Set(some.flatMap((source) => entities[source].map(({ entity }) => entity))),
]
const oneOf = (what: string, names: readonly string[]) => ({
  error: `there is no such ${what}; there is ${names.join(', ')}`,
})

/** A moment, or the beginning of a day (UTC). */
const moment = z.union([z.iso.datetime({ offset: true }), z.iso.date()], {
  error: 'must be a time such as 2026-11-22T02:00:00Z, or a date',
})

export const replayParams = z
  .strictObject({
    source: z.enum(sources, oneOf('source', sources)).optional(),
    entity: z.enum(namesOf(sources), oneOf('entity', namesOf(sources))).optional(),
    since: moment.optional().describe('fetched from then on'),
    until: moment.optional().describe('fetched before'),
    jobCall: z
      .uuid('must be the id of a job call')
      .optional()
      .describe('last written by it or a call under it'),
    serviceCall: z
      .uuid('must be the id of a service call')
      .optional()
      .describe('last written by it'),
  })
  .superRefine(({ source, entity, since, until }, context) => {
    if (source && entity && !namesOf([source]).includes(entity))
      context.addIssue({
        code: 'custom',
        path: ['entity'],
        message: `there is no such entity of ${source}; there is ${namesOf([source]).join(', ')}`,
      })
    if (since && until && new Date(since) >= new Date(until))
      context.addIssue({ code: 'custom', path: ['until'], message: 'must be after since' })
  })
export type ReplayParams = z.output<typeof replayParams>

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
      const { records, rejects } = await countStored(db, entity, chosen)
      const why = `${records} records, ${rejects} rejects without one, of ${entity.source}`
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
      const seeds = [{ subject: '', cursor: replayStart }]
      await run
        .streams(replayOf(db, source, entity, chosen), seeds, { parallel: 1 })
        .catch((error: unknown) => {
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

function kindsOf({ source, entity }: ReplayParams): { source: Source; entity: Entity<object> }[] {
  return sources
    .filter((one) => source === undefined || one === source)
    .flatMap((one) => entities[one].map((kind) => ({ source: one, entity: kind })))
    .filter((kind) => entity === undefined || kind.entity.entity === entity)
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
