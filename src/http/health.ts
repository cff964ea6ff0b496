import { setTimeout } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { sql } from 'kysely'
import { z } from 'zod'
import type { Logger } from '../log.ts'
import type { Opened } from '../open.ts'
import { ProblemError, problemResponses } from './problem.ts'

/** How long each thing may take to show itself, in ms. */
const patienceMs = 3000

/** Is the process alive; are database, queue and storage reachable. Open to everybody: they say no more than that. */
export function healthRoutes(
  app: FastifyInstance,
  { db, files, log }: Pick<Opened, 'db' | 'files' | 'log'>,
): void {
  const routes = app.withTypeProvider<ZodTypeProvider>()
  routes.get(
    '/healthz',
    {
      schema: {
        summary: 'Whether the process is alive',
        response: { 200: z.object({ status: z.literal('alive') }) },
      },
    },
    () => ({ status: 'alive' as const }),
  )
  routes.get(
    '/readyz',
    {
      schema: {
        summary: 'Whether database, queue and storage can be reached',
        response: {
          200: z.object({
            status: z.literal('ready'),
            checks: z.record(z.string(), z.string()),
          }),
          ...problemResponses(503),
        },
      },
    },
    async () => {
      const found = await Promise.all([
        checked(log, 'database', () => sql`select from ledger.job_calls limit 1`.execute(db)),
        checked(log, 'queue', () => sql`select from graphile_worker.jobs limit 1`.execute(db)),
        files
          ? checked(log, 'storage', () => files.check(patienceMs))
          : (['storage', 'not set'] as const),
      ])
      const missing = found.filter(([, state]) => state === 'not reachable').map(([name]) => name)
      if (missing.length > 0) throw new ProblemError(503, `not reachable: ${missing.join(', ')}`)
      return { status: 'ready' as const, checks: Object.fromEntries(found) }
    },
  )
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
}

async function checked(
  log: Logger,
  name: string,
  look: () => Promise<unknown>,
): Promise<[name: string, state: 'ok' | 'not reachable']> {
  const stop = new AbortController()
  const late = setTimeout(patienceMs, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`no answer within ${patienceMs / 1000} s`)
  })
  try {
    await Promise.race([look(), late])
    return [name, 'ok']
  } catch (error) {
    log.warn({ check: name, reason: String(error) }, 'not ready')
    return [name, 'not reachable']
  } finally {
    stop.abort()
    late.catch(() => {})
  }
}
