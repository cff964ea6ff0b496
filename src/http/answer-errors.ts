import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { isDatabaseAway } from '../db/lost-connection.ts'
import { Fault } from '../errors.ts'
import type { Logger } from '../log.ts'
import { ProblemError, type ProblemFacts, sendProblem } from './problem.ts'

/** What fastify's own errors mean, by their code; others it blames on the client keep their status. */
const framework: Record<string, [status: number, detail: string]> = {
  FST_ERR_CTP_BODY_TOO_LARGE: [413, 'the body is too large'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [415, 'a body of application/json was expected'],
  FST_ERR_CTP_EMPTY_JSON_BODY: [400, 'the body is empty: JSON was expected'],
  FST_ERR_CTP_INVALID_JSON_BODY: [400, 'the body is not JSON'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [400, 'the body is not as long as its Content-Length says'],
  FST_ERR_BAD_URL: [400, 'the address cannot be decoded'],
}

/** Makes every error a problem: what the client did wrong in detail, what we did wrong in the log alone. */
export function answerErrors(app: FastifyInstance, log: Logger): void {
  app.setErrorHandler((error: FastifyError, request, reply) =>
    answerError(log, error, request, reply),
  )
}

export function answerError(
  log: Logger,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const { status, detail, facts } = tellError(log, error, request)
  return sendProblem(reply, status, detail, facts)
}

/** What a client is told of an error; what it isn't, the log is. */
export function tellError(
  log: Logger,
  error: unknown,
  request: FastifyRequest,
): { status: number; detail: string; facts?: ProblemFacts } {
  if (error instanceof ProblemError)
    return { status: error.status, detail: error.message, facts: error.facts }
  if (hasZodFastifySchemaValidationErrors(error)) {
    const errors = error.validation.slice(0, 20).map(({ instancePath, message }) => ({
      path: instancePath.slice(0, 200),
      message: message ?? 'is wrong',
    }))
    const [first] = errors
    const detail = `${error.validationContext ?? 'request'}${first?.path ?? ''}: ${first?.message}`
    return { status: 400, detail, facts: { errors } }
  }
  if (error instanceof Fault && error.kind === 'params')
    return { status: 400, detail: error.message }
  if (error instanceof Fault && error.kind === 'busy') return { status: 409, detail: error.message }
  if (isWithoutDatabase(error)) {
    log.warn({ reason: String(error), request: request.id }, 'a request met no database')
    return { status: 503, detail: 'the database does not answer' }
  }
  const { code, status } = ofFramework(error)
  const [known, detail] = framework[code] ?? []
  if (known !== undefined && detail !== undefined) return { status: known, detail }
  // `code` starts so for what fastify says itself, and only that is fit for everybody's eyes.
  if (status >= 400 && status < 500 && (code.startsWith('FST_') || error instanceof SyntaxError))
    return { status, detail: 'the request cannot be read' }
  log.error({ err: error, request: request.id }, 'a request met a fault of the program')
  return {
    status: 500,
    detail: 'a fault of the program: the log tells more under this request id',
  }
}

function isWithoutDatabase(error: unknown): boolean {
  if (error instanceof Fault) return error.kind === 'database'
  // What Postgres calls fatal ends a connection, or never lets it begin.
  const isFatal = error instanceof Error && 'severity' in error && error.severity === 'FATAL'
  return isFatal || isDatabaseAway(error)
}

function ofFramework(error: unknown): { code: string; status: number } {
  if (typeof error !== 'object' || error === null) return { code: '', status: 500 }
  const code = 'code' in error ? String(error.code) : ''
  const status = 'statusCode' in error ? Number(error.statusCode) : 500
  return { code, status }
}
