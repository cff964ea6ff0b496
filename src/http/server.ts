import fastify from 'fastify'
import { sql } from 'kysely'
import type { Opened } from '../open.ts'

export interface Http {
  url: string
  close(): Promise<void>
}

/** The HTTP door: is the process alive, are database and queue reachable. @throws where the port is taken. */
export async function startHttp({
  db,
  settings,
  log,
}: Pick<Opened, 'db' | 'settings' | 'log'>): Promise<Http> {
  const app = fastify({ logger: false, forceCloseConnections: 'idle', requestTimeout: 30_000 })
  app.get('/healthz', async () => ({ status: 'alive' }))
  app.get('/readyz', async (_request, reply) => {
    try {
      await sql`select from graphile_worker.jobs limit 1`.execute(db)
      return { status: 'ready' }
    } catch (error) {
      log.warn({ reason: String(error) }, 'not ready')
      const problem = {
        type: 'about:blank',
        title: 'Service Unavailable',
        status: 503,
        detail: 'the database does not answer',
      }
      return await reply.code(503).type('application/problem+json').send(problem)
    }
  })
  const url = await app.listen({ host: settings.HTTP_HOST, port: settings.HTTP_PORT })
  return { url, close: () => app.close() }
}
