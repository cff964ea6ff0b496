import { STATUS_CODES } from 'node:http'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'

export const problemType = 'application/problem+json'

/** The body of every error (RFC 9457). */
export const problemSchema = z
  .object({
    type: z.string().describe('about:blank: the status says it all'),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe('what was wrong, as a sentence for a person'),
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .describe('what was wrong where, for a 400'),
    job_call_id: z.string().optional().describe('the job call that tells more, where there is one'),
  })
  .meta({ id: 'Problem' })
export type Problem = z.output<typeof problemSchema>
export type ProblemFacts = Pick<Problem, 'errors' | 'job_call_id'>

/** An error that is an answer: thrown by a handler, it is sent as a problem of this status. */
export class ProblemError extends Error {
  readonly status: number
  readonly facts: ProblemFacts

  constructor(status: number, detail: string, facts: ProblemFacts = {}) {
    super(detail)
    this.name = 'ProblemError'
    this.status = status
    this.facts = facts
  }
}

export function problemOf(status: number, detail: string, facts: ProblemFacts = {}): Problem {
  return {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail,
    ...facts,
  }
}

export function sendProblem(
  reply: FastifyReply,
  status: number,
  detail: string,
  facts: ProblemFacts = {},
): FastifyReply {
  const problem = problemOf(status, detail, facts)
  return reply.code(status).type(problemType).serializer(JSON.stringify).send(problem)
}

/** What an operation's description says of its errors. */
export function problemResponses(...statuses: number[]) {
  const content = { [problemType]: { schema: problemSchema } }
  return Object.fromEntries(
    statuses.map((status) => [status, { description: STATUS_CODES[status] ?? 'Error', content }]),
  )
}
