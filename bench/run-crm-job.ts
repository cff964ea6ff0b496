import { runJob } from './run-job.ts'
import { type BenchSandbox, query } from './servers.ts'

/** Runs `crm-contacts` as the command does, in a process of its own, and says what it cost. */
export async function runCrmJob(
  databaseUrl: string,
  sandbox: BenchSandbox,
  perSecond: number,
  params: object,
) {
  await sandbox.takeStats()
  const { seconds, peakMb } = await runJob(databaseUrl, 'crm-contacts', params, {
    AMOCRM_BASE_URL: sandbox.amocrm,
    AMOCRM_ACCESS_TOKEN: sandbox.token,
    AMOCRM_REQUESTS_PER_SECOND: String(perSecond),
  })
  const stats = await sandbox.takeStats()
  const [call] = await query<{ seconds: number; rows: string; contacts: number }>(
    databaseUrl,
    `select extract(epoch from finished_at - started_at)::float8 as seconds,
       (select sum(rows_read) from ledger.service_calls s where s.job_call_id = c.id) as rows,
       (select count(*)::int from contacts) as contacts
     from ledger.job_calls c order by id desc limit 1`,
  )
  return {
    requests: stats.requests,
    tooMany: stats.tooMany429,
    sendSeconds: short(((stats.lastAt ?? 0) - (stats.firstAt ?? 0)) / 1000),
    jobSeconds: short(call?.seconds ?? 0),
    processSeconds: short(seconds),
    rowsRead: Number(call?.rows ?? 0),
    contacts: call?.contacts ?? 0,
    peakMb: Math.round(peakMb),
  }
}

const short = (seconds: number) => Number(seconds.toFixed(2))
