import { sql } from 'kysely'
import type { Db } from '../../db/connect.ts'

/** A job call that is not at its end, and was made by no other. */
export interface LiveCall {
  id: string
  job: string
  subject: string
  status: string
  startedAt: Date | null
  nextAttemptAt: Date | null
  /** Calls under it, and how many of these are over. */
  children: number
  childrenOver: number
  streamsOpen: number
  analysisOpen: number
}

/** A stream that some worker may be reading right now. */
export interface LiveStream {
  id: string
  callId: string
  job: string
  service: string
  operation: string
  subject: string
  pages: number
  rows: number
  requests: number
  throttledMs: number
  quietMs: number
  cursor: unknown
}

/** What is under way at one moment, by the database's clock. */
export interface Reading {
  at: Date
  calls: LiveCall[]
  /** Those that moved last, first. */
  streams: LiveStream[]
  /** Also those beyond the limits. */
  callsInAll: number
  blocked: string[]
}

const mostCalls = 20

/** @param mostStreams how many streams at most */
export async function readWhatIsLive(db: Db, mostStreams: number): Promise<Reading> {
  const { rows: calls } = await sql<LiveCall & { all: number }>`
    with live as materialized (
      select * from ledger.job_calls where finished_at is null and parent_id is null
    ), shown as materialized (
      select * from live order by status = 'running' desc, id desc limit ${mostCalls}
    )
    select c.id, c.job, c.subject, c.status, c.started_at as "startedAt", c.next_attempt_at as "nextAttemptAt",
      k.children, k.over as "childrenOver", s.open as "streamsOpen", coalesce(r.analysis_open, 0) as "analysisOpen",
      (select count(*) from live) as all
    from shown c
    cross join lateral (
      select count(*) as children, count(*) filter (where finished_at is not null) as over
      from ledger.job_calls where root_id = c.id and id <> c.id
    ) k
    cross join lateral (
      select count(*) as open from ledger.job_calls t join ledger.service_calls s on s.job_call_id = t.id and s.status = 'open'
      where t.root_id = c.id and t.finished_at is null
    ) s
    left join ledger.runs r on r.id = c.id
    order by c.status = 'running' desc, c.id desc`.execute(db)
  const { rows: streams } = await sql<LiveStream>`
    select s.id, s.job_call_id as "callId", c.job, s.service, s.operation, s.subject, s.pages, s.rows_read as rows, s.requests,
      s.throttled_ms as "throttledMs", extract(epoch from clock_timestamp() - s.updated_at)::float8 * 1000 as "quietMs", s.cursor
    from ledger.job_calls c join ledger.service_calls s on s.job_call_id = c.id and s.status = 'open'
    where c.status = 'running'
    order by s.started_at is null, s.updated_at desc limit ${mostStreams}`.execute(db)
  const { rows: now } = await sql<{ at: Date; blocked: string[] }>`
    select clock_timestamp() as at, array(select distinct service from ledger.breakers order by 1) as blocked`.execute(
    db,
  )
  return {
    at: now[0]?.at ?? new Date(),
    blocked: now[0]?.blocked ?? [],
    calls,
    callsInAll: calls[0]?.all ?? 0,
    streams,
  }
}
