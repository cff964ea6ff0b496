import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { JobCall, NewJobCall } from '../db/job-calls.ts'
import { insertJobCalls } from '../db/job-calls.ts'
import { keepAnswer } from '../db/idempotency-keys.ts'
import { demoImport, demoImportParams, demoImportResult } from '../jobs/demo-import.ts'
import type { Door } from './app.ts'
import { idempotencyHeaders, openKeyed } from './idempotency.ts'
import { ProblemError, problemResponses } from './problem.ts'
import type { Runner } from './run-call.ts'

/** `POST /api/demo-import`: one object in the storage, and the answer when it is there. */
export function demoImportRoute(api: FastifyInstance, tools: Door & { runner: Runner }): void {
  const { db, runner } = tools
  api.withTypeProvider<ZodTypeProvider>().post(
    '/demo-import',
    {
      schema: {
        summary: 'Writes a product with its segments to demo-imports/{id}.json',
        description:
          'Answers once the object is there. Where it can’t be written within 10 s, the answer is a 503 and the job call of this id failed; a request with the same Idempotency-Key then tries again to write the same object.',
        security: [{ token: [] }],
        headers: idempotencyHeaders,
        body: demoImportParams,
        response: {
          201: demoImportResult,
          ...problemResponses(400, 401, 405, 409, 413, 415, 422, 500, 503),
        },
      },
    },
    async ({ body, headers }, reply) => {
      const key = headers['idempotency-key']
      const call: NewJobCall = {
        job: demoImport.name,
        trigger: 'http',
        subject: demoImport.subject?.(body) ?? '',
        params: body,
        wake: false,
      }
      const ended = await runner.run(demoImport, async () => {
        if (key !== undefined) return await openKeyed(db, key, 'demo-import', call)
        const [id = ''] = await insertJobCalls(db, [call])
        return { run: id }
      })
      const answer = demoImportResult.parse('other' in ended ? ended.other : resultOf(ended))
      if (key !== undefined && !('other' in ended)) await keepAnswer(db, key, answer)
      return await reply.code(201).send(answer)
    },
  )
}

const errorSchema = z.object({ kind: z.string(), message: z.string() })

/** @throws ProblemError for a call that did not succeed: what is wrong with us is no fault of the client's. */
function resultOf({ id, status, result, error }: JobCall): unknown {
  if (status === 'succeeded') return result
  const facts = { job_call_id: id }
  if (status !== 'failed') throw new ProblemError(503, `its job call is ${status}`, facts)
  const { kind, message } = errorSchema.parse(error)
  if (kind === 'bug') throw new ProblemError(500, 'a fault of the program', facts)
  throw new ProblemError(503, message, facts)
}
