import type { FastifyInstance } from 'fastify'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { readLedgerMetrics } from '../db/metrics.ts'
import { catalog } from '../jobs/catalog.ts'
import type { Opened } from '../open.ts'
import { ledgerMetrics } from './ledger-metrics.ts'

/** `GET /metrics`, for Prometheus: what the ledger says, and how this process is. */
export function metricsRoute(app: FastifyInstance, { db }: Pick<Opened, 'db'>): void {
  const ofThisProcess = new Registry()
  collectDefaultMetrics({ register: ofThisProcess })
  const jobs = catalog.map(({ name }) => name)
  let reading: Promise<string> | undefined

  async function read(): Promise<string> {
    const ofTheLedger = ledgerMetrics(await readLedgerMetrics(db), jobs)
    return `${await ofTheLedger.metrics()}\n${await ofThisProcess.metrics()}`
  }

  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) => {
    // Who asks while it is read gets the same: many scrapers cost the database no more than one.
    reading ??= read().finally(() => {
      reading = undefined
    })
    return await reply.type(Registry.PROMETHEUS_CONTENT_TYPE).send(await reading)
  })
}
