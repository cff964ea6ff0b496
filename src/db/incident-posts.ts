import { sql } from 'kysely'
import type { Db } from './connect.ts'
import type { IncidentKind } from './incidents.ts'

/** A message that this process has to post, before anybody else may try. */
export interface Post {
  incidentId: number
  says: 'begun' | 'over'
  /** How often it was tried, this time included. */
  tries: number
  job: string
  kind: IncidentKind
  about: string
  jobCallId: string | null
  message: string
  hint: string | null
  openedAt: Date
  closedAt: Date | null
  closedBecause: string | null
}

/** For how long a message is one process's, in seconds: longer than a post may take. */
const claimSeconds = 60

/**
 * Takes the oldest message that is due; undefined: none is. That an incident is over is not told before its beginning was,
 * unless that was given up. What nobody could post within a day is no news any more.
 */
export async function claimPost(db: Db): Promise<Post | undefined> {
  const { rows } = await sql<Post>`
    with due as (
      select p.incident_id, p.says from ledger.incident_posts p
      where p.sent_at is null and p.given_up_at is null and p.next_try_at <= clock_timestamp()
        and p.queued_at > clock_timestamp() - interval '1 day'
        and (p.says = 'begun' or not exists (select from ledger.incident_posts b
          where b.incident_id = p.incident_id and b.says = 'begun' and b.sent_at is null and b.given_up_at is null
            and b.queued_at > clock_timestamp() - interval '1 day'))
      order by p.queued_at limit 1 for update skip locked
    )
    update ledger.incident_posts p set tries = tries + 1,
      next_try_at = clock_timestamp() + make_interval(secs => ${claimSeconds})
    from due, ledger.incidents i
    where p.incident_id = due.incident_id and p.says = due.says and i.id = p.incident_id
    returning i.id as "incidentId", p.says, p.tries, i.job, i.kind, i.about, i.job_call_id as "jobCallId",
      i.message, i.hint, i.opened_at as "openedAt", i.closed_at as "closedAt", i.closed_because as "closedBecause"`.execute(
    db,
  )
  return rows[0]
}

export async function noteSent(db: Db, { incidentId, says }: Post): Promise<void> {
  await sql`
    update ledger.incident_posts set sent_at = clock_timestamp(), error = null
    where incident_id = ${incidentId} and says = ${says}`.execute(db)
}

export interface PostFailure {
  error: string
  /** How long to wait before the next try, in ms; undefined: there will be none. */
  waitMs: number | undefined
  /** What counts as tries from now on. */
  tries: number
}

export async function noteNotSent(
  db: Db,
  { incidentId, says }: Post,
  { error, waitMs, tries }: PostFailure,
): Promise<void> {
  await sql`
    update ledger.incident_posts set error = ${error}, tries = ${tries},
      next_try_at = clock_timestamp() + make_interval(secs => ${(waitMs ?? 0) / 1000}),
      given_up_at = case when ${waitMs === undefined} then clock_timestamp() end
    where incident_id = ${incidentId} and says = ${says}`.execute(db)
}
