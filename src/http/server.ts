import fastify from 'fastify'
import { sql } from 'kysely'
import { Fault } from '../errors.ts'
import type { Opened } from '../open.ts'
import { problem, problemType } from './problem.ts'

export interface Http {
  url: string
  close(): Promise<void>
}

/** How long the database may take to answer before we are not ready. */
const patienceMs = 3000

/**
 * The HTTP door: is the process alive, are database and queue reachable.
 * @throws Fault `settings` where it can't listen: the port is taken, the address is not ours.
 */
export async function startHttp({
  db,
  settings,
  log,
}: Pick<Opened, 'db' | 'settings' | 'log'>): Promise<Http> {
  const app = fastify({ logger: false, forceCloseConnections: 'idle', requestTimeout: 30_000 })
  app.setNotFoundHandler(async (_request, reply) => {
    return await reply.code(404).type(problemType).send(problem(404, 'there is nothing here'))
  })
  app.setErrorHandler(async (error, request, reply) => {
    const given = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
    const status = given >= 400 && given < 500 ? given : 500
    if (status === 500)
      log.error({ err: error, path: request.url.split('?', 1)[0] }, 'a request failed')
    const detail = status === 500 ? 'a fault of the program: the log has it' : String(error)
    return await reply.code(status).type(problemType).send(problem(status, detail))
  })
  app.get('/healthz', async () => ({ status: 'alive' }))
  app.get('/readyz', async (_request, reply) => {
    try {
      await within(patienceMs, sql`select from graphile_worker.jobs limit 1`.execute(db))
      return { status: 'ready' }
    } catch (error) {
      log.warn({ reason: String(error) }, 'not ready')
      return await reply
        .code(503)
        .type(problemType)
        .send(problem(503, 'the database does not answer'))
    }
  })
  const { HTTP_HOST: host, HTTP_PORT: port } = settings
  try {
    const url = await app.listen({ host, port })
    return { url, close: () => app.close() }
  } catch (error) {
    await app.close()
    throw new Fault('settings', `no HTTP on ${host}:${port}: ${messageOf(error)}`, {
      cause: error,
      hint: 'set HTTP_HOST and HTTP_PORT, or leave HTTP out with --only scheduler,worker',
    })
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${ms} ms`)), ms)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
