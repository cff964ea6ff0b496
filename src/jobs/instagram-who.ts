import { sql } from 'kysely'
import type { Db } from '../db/connect.ts'
import { noteRead } from '../db/subject-reads.ts'
import { eachPage } from '../etl/stream.ts'
import { markProfileGone } from '../etl/load/instagram/mark-gone.ts'
import { parts, type PartName } from './instagram-params.ts'
import type { ProfileRun } from './instagram-steps.ts'

const service = 'instagram'

/** A profile as it is stored. */
export interface KnownProfile {
  /** What the upstream is asked by. */
  externalId: string
  /** The key of its row, where the other route met it first. */
  storedId: string
  /** As it is now: it may have been renamed since it was asked for. */
  username: string
  isPrivate: boolean
  followerCount: number | null
  followingCount: number | null
}

/** The profile that this name led to when it was last read; undefined: it never was. */
export async function knownProfile(db: Db, username: string): Promise<KnownProfile | undefined> {
  const { rows } = await sql<KnownProfile>`
    select coalesce(p.pk, p.external_id) as "externalId", p.external_id as "storedId", p.username,
      coalesce(p.is_private, false) as "isPrivate", p.follower_count as "followerCount", p.following_count as "followingCount"
    from ledger.subject_reads r
    join public.profiles p on p.source = ${service} and r.value #>> '{}' in (p.external_id, p.pk, p.graph_id)
    where r.service = ${service} and r.operation = 'profile' and r.subject = ${username}
    limit 1`.execute(db)
  return rows[0]
}

/** What of a tracked profile is read; undefined where it leaves that to the run. */
export async function partsOf(db: Db, username: string): Promise<PartName[] | undefined> {
  const row = await db
    .selectFrom('tracked_profiles')
    .select('parts')
    .where('source', '=', service)
    .where(sql`lower(username)`, '=', username)
    .executeTakeFirst()
  return row?.parts ? parts.filter((part) => row.parts?.includes(part)) : undefined
}

/** Reads the profile by its name, or by the id that we know it under, and keeps which one the name led to. */
export async function readProfile(run: ProfileRun, known: KnownProfile | undefined): Promise<void> {
  const { route, params } = run
  const operation = {
    ...route.profile.operation,
    alsoWrite: eachPage<{ external_id: string; username: string }>(async (trx, { rows, stale }) => {
      const id = rows[0]?.external_id ?? [...stale][0]
      if (id === undefined) return
      await noteRead(trx, service, 'profile', [params.username], id)
      await trx
        .updateTable('tracked_profiles')
        .set({ external_id: id, gone_at: null })
        .where('source', '=', service)
        .where(sql`lower(username)`, '=', params.username)
        .where((by) =>
          by.or([by('gone_at', 'is not', null), by('external_id', 'is distinct from', id)]),
        )
        .execute()
    }),
  }
  await run.streams(operation, [
    route.profile.seed({ username: params.username, externalId: known?.externalId }),
  ])
}

/**
 * Where the crawler says that there is no such profile. The official API says the same of one that is not professional. Answers
 * whether that had been known of a tracked one before: then it is no failure any more, but for who named it.
 */
export async function markAsGone(
  { db, call, params, route }: ProfileRun,
  known: KnownProfile | undefined,
): Promise<boolean> {
  if (route.route === 'graph') return false
  const stream = await db
    .selectFrom('ledger.service_calls')
    .select('id')
    .where('job_call_id', '=', call.id)
    .where('operation', '=', 'profile')
    .where(sql<boolean>`error ->> 'kind' = 'not_found'`)
    .executeTakeFirst()
  if (!stream) return false
  const { username } = params
  return await db.transaction().execute(async (trx) => {
    await noteRead(trx, service, 'profile.gone', [username])
    const wasGone = await trx
      .selectFrom('tracked_profiles')
      .select('username')
      .where('source', '=', service)
      .where(sql`lower(username)`, '=', username)
      .where('gone_at', '<', call.queued_at)
      .where(
        sql<boolean>`not (select params ? 'usernames' from ledger.job_calls where id = ${call.root_id})`,
      )
      .executeTakeFirst()
    await markProfileGone(trx, { username, externalId: known?.storedId }, stream.id)
    return wasGone !== undefined
  })
}
