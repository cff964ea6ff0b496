import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { callOfKey, keepAnswer } from '../db/idempotency-keys.ts'
import { getJobCall, insertJobCalls, type NewJobCall } from '../db/job-calls.ts'
import { leadgen, leadgenParams, leadgenResult } from '../jobs/leadgen.ts'
import type { Door } from './app.ts'
import { idempotencyHeaders } from './idempotency.ts'
import { ProblemError, problemResponses } from './problem.ts'

const accepted = z.object({
  job_id: z.uuid(),
  status_url: z.string().describe('where its progress and result are'),
})
const csv = z.object({
  key: z.string(),
  url: z.string().nullable().describe('downloads it; made anew with each answer'),
})
const status = z.object({
  job_id: z.uuid(),
  status: z.enum(['queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled']),
  progress: z.looseObject({}).nullable().describe('pages, rows and streams so far'),
  result: leadgenResult.extend({ csv: csv.nullable() }).nullable(),
  error: z
    .object({
      kind: z.string(),
      message: z.string(),
      service: z.string().optional(),
      hint: z.string().optional(),
    })
    .nullable(),
})

/** `POST /api/leadgen`: a search that goes on after the answer. `GET /api/leadgen/{id}`: how far it is, and what it found. */
export function leadgenRoutes(api: FastifyInstance, { db, files, settings }: Door): void {
  const routes = api.withTypeProvider<ZodTypeProvider>()

  routes.post(
    '/leadgen',
    {
      schema: {
        summary: 'Searches for leads, enriches them and writes them as CSV',
        description:
          'Answers at once; a worker does it. The search takes Apollo’s own filter names, and is widened in steps while leads are lacking.',
        security: [{ token: [] }],
        headers: idempotencyHeaders,
        body: leadgenParams,
        response: {
          202: accepted,
          ...problemResponses(400, 401, 405, 413, 415, 422, 500, 503),
        },
      },
    },
    async ({ body, headers }, reply) => {
      if (body.minio_payload && !files)
        throw new ProblemError(503, 'minio_payload: there is no storage to write it to')
      const key = headers['idempotency-key']
      const call: NewJobCall = {
        job: leadgen.name,
        trigger: 'http',
        subject: leadgen.subject?.(body) ?? '',
        params: body,
      }
      const id = key === undefined ? await begin(call) : await beginKeyed(key, call)
      const answer = { job_id: id, status_url: `/api/leadgen/${id}` }
      if (key !== undefined) await keepAnswer(db, key, answer)
      return await reply.code(202).header('location', answer.status_url).send(answer)
    },
  )

  routes.get(
    '/leadgen/:id',
    {
      schema: {
        summary: 'How far a leadgen is, and what it found',
        security: [{ token: [] }],
        params: z.object({ id: z.uuid() }),
        response: { 200: status, ...problemResponses(400, 401, 404, 405, 500, 503) },
      },
    },
    async ({ params: { id } }) => {
      const call = await getJobCall(db, id)
      if (call?.job !== leadgen.name) throw new ProblemError(404, 'there is no such leadgen')
      const result = leadgenResult.nullable().parse(call.result)
      return status.parse({
        job_id: call.id,
        status: call.status,
        progress: call.progress,
        result: result && {
          ...result,
          csv: result.csv && { key: result.csv.key, url: await downloadUrl(result.csv.key) },
        },
        error: call.error,
      })
    },
  )

  async function begin(call: NewJobCall): Promise<string> {
    const [id = ''] = await db.transaction().execute((trx) => insertJobCalls(trx, [call]))
    return id
  }

  /** The first request with a key begins a leadgen; whoever repeats it is told of the same one, however that ended. */
  async function beginKeyed(key: string, call: NewJobCall): Promise<string> {
    const hash = createHash('sha256')
      .update(`leadgen\n${JSON.stringify(call.params)}`)
      .digest()
    const found = await callOfKey(db, key, hash, call)
    if (found.kind === 'taken')
      throw new ProblemError(422, 'this Idempotency-Key belongs to another request')
    if (found.kind !== 'answered') return found.id
    const before = accepted.safeParse(found.answer)
    if (before.success) return before.data.job_id
    // The process ended before it kept its answer: what is kept then is the call's own.
    const { job_call_id: id } = await db
      .selectFrom('ledger.idempotency_keys')
      .select('job_call_id')
      .where('key', '=', key)
      .executeTakeFirstOrThrow()
    return id ?? ''
  }

  async function downloadUrl(key: string): Promise<string | null> {
    const fileName = `leads-${key.replace(/^.*\//, '')}`
    const ttlSeconds = settings.CSV_URL_TTL
    return (await files?.downloadUrl(key, { fileName, ttlSeconds })) ?? null
  }
}
