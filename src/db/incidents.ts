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

/** Of each job, whether the call of the whole (subject '') that ended last failed. */
export async function findFailed(
  db: Db | Transaction<DB>,
  jobs: readonly string[],
): Promise<Finding[]> {
  const { rows } = await sql<FailedCall & { failed: boolean; isNews: boolean }>`
    select c.job, c.id, c.error, c.status = 'failed' as failed,
      case when c.status = 'failed' then c.finished_at > clock_timestamp() - interval '7 days'
        -- While the call that failed is tried again, the one before it says nothing.
        else i.id is null or c.finished_at > i.opened_at or c.id = i.job_call_id end as "isNews"
    from unnest(${jobs}::text[]) as j (job)
    cross join lateral (
      select * from ledger.job_calls
      where job = j.job and subject = '' and parent_id is null and finished_at is not null and status <> 'cancelled'
      order by id desc limit 1
    ) c
    left join ledger.incidents i on i.job = c.job and i.kind = 'failed' and i.about = '' and i.closed_at is null`.execute(
    db,
  )
  return rows
    .filter(({ isNews }) => isNews)
    .map((call) => {
      const lane = { job: call.job, kind: 'failed', about: '' } as const
      return call.failed ? failure(lane, call) : { ...lane, over: 'it has succeeded' }
    })
}

/** How long no call on a subject may have failed, for that to be over. */
const quietFor = '15 minutes'

/**
 * Of each job, whether calls on a subject failed: the last one, or any of late. They may be many, each is of another, and some
 * are never made again: so it is over when one succeeded and none failed for a while, or when there are none any more.
 */
export async function findFailedParts(
  db: Db | Transaction<DB>,
  jobs: readonly string[],
): Promise<Finding[]> {
  const { rows } = await sql<FailedCall & { newest: string | null }>`
    select j.job, newest.status as newest, coalesce(of_late.id, newest.id) as id, coalesce(of_late.error, newest.error) as error
    from unnest(${jobs}::text[]) as j (job)
    left join lateral (
      select id, status, error from ledger.job_calls
      where job = j.job and subject <> '' and parent_id is null and finished_at is not null and status <> 'cancelled'
        and id >= ledger.uuid_v7_floor(clock_timestamp() - interval '2 days')
      order by id desc limit 1
    ) newest on true
    left join lateral (
      select id, error from ledger.job_calls
      where job = j.job and subject <> '' and parent_id is null and status = 'failed'
        and finished_at > clock_timestamp() - ${quietFor}::interval
      order by finished_at desc limit 1
    ) of_late on true`.execute(db)
  return rows.map((call) => {
    const lane = { job: call.job, kind: 'failed', about: 'parts' } as const
    if (call.error) return failure(lane, call)
    if (!call.newest) return { ...lane, over: 'no call on a part for two days' }
    return { ...lane, over: `another one succeeded, and none failed for ${quietFor}` }
  })
}

interface FailedCall {
  job: string
  id: string
  error: ErrorRecord | null
}

function failure(lane: Lane, { id, error }: FailedCall): Finding {
  const { kind = 'bug', message = 'it failed', hint } = error ?? {}
  return { ...lane, message: `${kind}: ${message}`, hint, jobCallId: id }
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
