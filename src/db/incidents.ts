import { sql, type Transaction } from 'kysely'
import type { ErrorRecord } from '../errors.ts'
import type { Db } from './connect.ts'
import type { DB } from './schema.generated.ts'

export type IncidentKind = 'failed' | 'late' | 'check'

/** Which incident: of each there is one open at most. */
interface Lane {
  job: string
  kind: IncidentKind
  /** Of a check its name; 'parts' for calls on a subject; '' for the whole job. */
  about: string
}

/** What is the matter, or that it is over and why. */
export type Finding = Lane &
  ({ message: string; hint?: string | undefined; jobCallId?: string } | { over: string })

/** One process looks at a time, so that none opens again what another has just seen to be over. False: another one does. */
export async function lockIncidents(trx: Transaction<DB>): Promise<boolean> {
  const { rows } = await sql<{ locked: boolean }>`
    select pg_try_advisory_xact_lock(hashtextextended('ledger.incidents', 0)) as locked`.execute(
    trx,
  )
  return rows[0]?.locked ?? false
}

/**
 * Whether the calls that ended last failed: of each job the last one of the whole (subject ''), and the last one of parts.
 * Calls of parts are many and may never be made again: a failure among them is over after two days without another.
 */
export async function findFailed(
  db: Db | Transaction<DB>,
  jobs: readonly string[],
): Promise<Finding[]> {
  const { rows } = await sql<{
    job: string
    about: '' | 'parts'
    id: string | null
    failed: boolean | null
    isNew: boolean
    error: ErrorRecord | null
    isOverSince: boolean | null
  }>`
    select j.job, lane.about, c.id, c.status = 'failed' as failed, c.error,
      c.finished_at > clock_timestamp() - interval '7 days' as "isNew",
      -- While the call that failed is tried again, the one before it says nothing.
      i.id is null or c.finished_at > i.opened_at or c.id = i.job_call_id as "isOverSince"
    from unnest(${jobs}::text[]) as j (job)
    cross join (values (''), ('parts')) as lane (about)
    left join lateral (
      (select id, status, error, finished_at from ledger.job_calls
      where lane.about = '' and job = j.job and subject = '' and parent_id is null
        and finished_at is not null and status <> 'cancelled'
      order by id desc limit 1)
      union all
      (select id, status, error, finished_at from ledger.job_calls
      where lane.about = 'parts' and job = j.job and subject <> '' and parent_id is null
        and finished_at is not null and status <> 'cancelled'
        and id >= ledger.uuid_v7_floor(clock_timestamp() - interval '2 days')
      order by id desc limit 1)
    ) c on true
    left join ledger.incidents i on i.job = j.job and i.kind = 'failed' and i.about = lane.about and i.closed_at is null`.execute(
    db,
  )
  return rows.flatMap((row): Finding[] => {
    const lane = { job: row.job, kind: 'failed', about: row.about } as const
    if (!row.id) return row.about === '' ? [] : [{ ...lane, over: 'no call failed for two days' }]
    if (!row.failed) return row.isOverSince ? [{ ...lane, over: 'it has succeeded' }] : []
    if (!row.isNew || !row.error) return []
    const { kind, message, hint } = row.error
    return [{ ...lane, message: `${kind}: ${message}`, hint, jobCallId: row.id }]
  })
}

/** What the checks found, each time they last ran; one that is no longer there is over. */
export async function findFailedChecks(
  db: Db | Transaction<DB>,
  jobs: readonly string[],
): Promise<Finding[]> {
  const { rows } = await sql<{
    job: string
    name: string
    title: string
    status: string | null
    found: string
    job_call_id: string
  }>`
    select coalesce(s.job, i.job) as job, coalesce(s.name, i.about) as name, s.title, s.status, s.found, s.job_call_id
    from (select * from ledger.check_states where job = any(${jobs}::text[])) s
    full join (select * from ledger.incidents where kind = 'check' and closed_at is null and job = any(${jobs}::text[])) i
      on i.job = s.job and i.about = s.name`.execute(db)
  return rows.map(({ job, name, title, status, found, job_call_id: jobCallId }) => {
    const lane = { job, kind: 'check', about: name } as const
    if (status === 'failed') return { ...lane, message: `${found} (${title})`, jobCallId }
    if (status === 'broken')
      return { ...lane, message: `the check could not be run: ${found}`, jobCallId }
    if (status === 'passed') return { ...lane, over: found }
    return { ...lane, over: status ? found : 'it is no longer checked' }
  })
}

/** Opens and closes incidents as found, and queues what is to be posted of it. What was found about none is left as it is. */
export async function noteFindings(
  trx: Transaction<DB>,
  findings: readonly Finding[],
): Promise<{ opened: Lane[]; closed: Lane[] }> {
  const begun = findings.filter((finding) => 'message' in finding)
  const over = findings.filter((finding) => 'over' in finding)
  const { rows: opened } = await sql<Lane & { id: number }>`
    with opened as (
      insert into ledger.incidents (job, kind, about, job_call_id, message, hint)
      select f.job, f.kind, f.about, f."jobCallId", f.message, f.hint
      from jsonb_to_recordset(${JSON.stringify(begun)}::jsonb)
        as f (job text, kind text, about text, "jobCallId" uuid, message text, hint text)
      on conflict (job, kind, about) where closed_at is null do nothing
      returning id, job, kind, about
    ), posts as (
      insert into ledger.incident_posts (incident_id, says) select id, 'begun' from opened
    )
    select * from opened`.execute(trx)
  const { rows: closed } = await sql<Lane & { id: number }>`
    update ledger.incidents i set closed_at = clock_timestamp(), closed_because = f.over
    from jsonb_to_recordset(${JSON.stringify(over)}::jsonb) as f (job text, kind text, about text, over text)
    where i.job = f.job and i.kind = f.kind and i.about = f.about and i.closed_at is null
    returning i.id, i.job, i.kind, i.about`.execute(trx)
  if (closed.length > 0) await queueOver(trx, closed)
  return { opened, closed }
}

/** That it is over is told where its beginning was, or was tried to be. */
async function queueOver(trx: Transaction<DB>, closed: readonly { id: number }[]): Promise<void> {
  const ids = closed.map(({ id }) => id)
  await sql`
    delete from ledger.incident_posts
    where incident_id = any(${ids}::bigint[]) and tries = 0`.execute(trx)
  await sql`
    insert into ledger.incident_posts (incident_id, says)
    select incident_id, 'over' from ledger.incident_posts where incident_id = any(${ids}::bigint[])`.execute(
    trx,
  )
}
