import { connect } from '../../../src/db/connect.ts'
import { readRefusal, readUse } from '../../../src/etl/extract/apollo/rate-limits.ts'
import { createHttpClient, newMeter } from '../../../src/etl/extract/http-client.ts'
import { createLog } from '../../../src/log.ts'

/** A process of its own that asks an endpoint as fast as its windows let it, until it is told to end. */
const { DATABASE, BASE_URL, MAX = '', WINDOW_MS = '60000' } = process.env
if (!DATABASE || !BASE_URL) throw new Error('DATABASE and BASE_URL are needed')

const log = createLog('error')
const connection = connect(DATABASE, { log, max: 3 })
const http = createHttpClient({ db: connection.db, log, worker: `hammer ${process.pid}` })
const path = '/api/v1/mixed_people/api_search'
const upstream = {
  service: 'apollo',
  account: 'hammered',
  baseUrl: BASE_URL,
  headers: { 'x-api-key': 'sandbox-key' },
  perSecond: 5,
  windows: {
    endpoint: path,
    windows: [
      { name: 'minute', ms: Number(WINDOW_MS), max: MAX ? Number(MAX) : undefined, fallback: 1000 },
    ] as const,
    readUse,
    readRefusal,
  },
  settings: { baseUrl: 'APOLLO_BASE_URL', secret: 'APOLLO_API_KEY' },
}
const ended = new AbortController()
process.on('SIGTERM', () => ended.abort(new Error('told to end')))

await Promise.all(
  Array.from({ length: 6 }, async () => {
    while (!ended.signal.aborted) {
      const context = { meter: newMeter(), signal: ended.signal }
      const request = { method: 'POST', path, body: { per_page: 1 }, idempotent: true } as const
      await http.send(upstream, request, context).catch((error: unknown) => {
        if (!ended.signal.aborted) throw error
      })
    }
  }),
)
await http.close()
await connection.close()
