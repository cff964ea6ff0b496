import { catalog, describeParams, missingSettings } from '../jobs/catalog.ts'
import type { Opened } from '../open.ts'
import { exitCode } from './exit.ts'
import { plainTable } from './print-run.ts'

/** Lists the jobs: schedule, last result, what is missing to run them. */
export async function listJobs({ db, settings }: Opened): Promise<number> {
  const fresh = new Map(
    (await db.selectFrom('ledger.freshness').selectAll().execute()).map((row) => [row.job, row]),
  )
  const rows = await db.selectFrom('ledger.schedules').selectAll().execute()
  const schedules = new Map(rows.map((row) => [row.job, row]))
  const table = plainTable(['job', 'schedule', 'last result', 'last success', 'parameters'])
  for (const job of catalog) {
    const missing = missingSettings(job, settings)
    const row = schedules.get(job.name)
    const expression = row?.expression ?? settings.schedules[job.name] ?? job.schedule ?? 'none'
    const schedule =
      missing.length > 0
        ? `not scheduled: ${missing.join(', ')} not set`
        : row?.paused
          ? `${expression} (paused)`
          : expression
    const last = fresh.get(job.name)
    table.push([
      job.name,
      schedule,
      last?.last_status ?? 'never ran',
      last?.last_success_at?.toISOString() ?? '',
      describeParams(job),
    ])
  }
  process.stdout.write(`${table.toString()}\n`)
  return exitCode.succeeded
}
