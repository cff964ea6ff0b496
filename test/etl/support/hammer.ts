import diagnostics from 'node:diagnostics_channel'
import { writeSync } from 'node:fs'
import { sql } from 'kysely'
import { connect } from '../../../src/db/connect.ts'
import { createHttpClient, newMeter } from '../../../src/etl/extract/http-client.ts'
import { createLog } from '../../../src/log.ts'

/**
 * A process of its own that asks an upstream as fast as the shared quota lets it, until it is told to end.
 * Each send is written to standard output at its moment, synchronously, so that a kill loses none.
 */
const { DATABASE, BASE_URL, PER_SECOND = '7', WAITERS = '8', STALL_MS = '0' } = process.env
if (!DATABASE || !BASE_URL) throw new Error('DATABASE and BASE_URL are needed')

const log = createLog('warn')
const connection = connect(DATABASE, { log, max: 3 })
const { db } = connection

/** What the database's clock says at the moment, within half a round trip; the best of some. */
async function databaseClock(): Promise<() => number> {
  let best = { width: Infinity, offset: 0 }
  for (let n = 0; n < 20; n++) {
    const before = performance.now()
    const { rows } = await sql<{ ms: number }>`
      select extract(epoch from clock_timestamp())::float8 * 1000 as ms`.execute(db)
    const width = performance.now() - before
    if (width < best.width) best = { width, offset: (rows[0]?.ms ?? 0) - before - width / 2 }
  }
  return () => performance.now() + best.offset
}

const now = await databaseClock()
diagnostics.subscribe('undici:client:sendHeaders', () => void writeSync(1, `${now()}\n`))

const stallMs = Number(STALL_MS)
const stall = () => {
  const until = performance.now() + stallMs * (0.5 + Math.random() / 2)
  while (performance.now() < until);
  setTimeout(stall, 50 + Math.random() * 100).unref()
}
if (stallMs > 0) stall()

const http = createHttpClient({ db, log, worker: `hammer ${process.pid}` })
const upstream = {
  service: 'amocrm',
  account: `hammered ${PER_SECOND}`,
  baseUrl: BASE_URL,
  headers: {},
  perSecond: Number(PER_SECOND),
  settings: { baseUrl: 'AMOCRM_BASE_URL', secret: 'AMOCRM_ACCESS_TOKEN' },
}
const ended = new AbortController()
process.on('SIGTERM', () => ended.abort(new Error('told to end')))

await Promise.all(
  Array.from({ length: Number(WAITERS) }, async () => {
    while (!ended.signal.aborted) {
      const context = { meter: newMeter(), signal: ended.signal }
      await http.send(upstream, { path: '/page' }, context).catch((error: unknown) => {
        if (!ended.signal.aborted) throw error
      })
    }
  }),
)
await http.close()
await connection.close()
