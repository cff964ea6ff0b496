import { connect } from '../../../src/db/connect.ts'
import { createHttpClient } from '../../../src/etl/extract/http-client.ts'
import { openFiles } from '../../../src/etl/load/files.ts'
import { leadgen } from '../../../src/jobs/leadgen.ts'
import { createLeaseKeeper } from '../../../src/jobs/lease-keeper.ts'
import { runTree } from '../../../src/jobs/run-tree.ts'
import { startCall } from '../../../src/jobs/start-call.ts'
import { createLog } from '../../../src/log.ts'
import { parseSettings } from '../../../src/settings.ts'

/** A process of its own that begins a leadgen, or takes up the one that was left behind, and runs it to its end. */
const settings = parseSettings(process.env)
const log = createLog('error')
const worker = `test:${process.pid}`
const leaseSeconds = 1
const connection = connect(settings.DATABASE_URL ?? '', { log, max: 4 })
const { db } = connection
const http = createHttpClient({ db, log, worker })
const files = openFiles(settings)
const leases = createLeaseKeeper({ db, log, leaseSeconds })
const { id } = await startCall(db, leadgen, JSON.parse(process.env['PARAMS'] ?? '{}'))
console.log('begun')
const { status, error } = await runTree(id, {
  executor: { db, http, files, log, settings, leases, oneAttempt: true },
  jobs: [leadgen],
  worker,
  leaseSeconds,
  concurrency: 1,
  stopping: new AbortController().signal,
})
console.log(JSON.stringify({ id, status, error }))
await leases.close()
files?.close()
await http.close()
await connection.close()
