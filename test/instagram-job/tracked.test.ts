import { sql } from 'kysely'
import { expect, test } from 'vitest'
import type { Db } from '../../src/db/connect.ts'
import { insertTicks, introduceJobs } from '../../src/db/ticks.ts'
import { instagram } from '../../src/jobs/instagram.ts'
import { openTick } from '../../src/jobs/open-tick.ts'
import { count, instagramWorld } from './support/world.ts'

test('a tick reads the tracked profiles that are due, each with its own parts', async () => {
  const world = await instagramWorld({ profiles: 7, gonePercent: 0 })
  const { db } = world
  const names = await world.usernames()
  const [plain = '', capital = '', paused = '', gone = '', recent = '', late = '', lost = ''] =
    names
  await track(db, plain, {})
  await track(db, capital.toUpperCase(), { parts: ['profile', 'stories'] })
  await track(db, paused, { paused: true })
  await track(db, gone, { gone_at: new Date() })
  await track(db, recent, { sync_every: '20 hours' })
  await track(db, late, { sync_every: '1 hour', parts: ['profile'] })
  await track(db, lost, { parts: ['profile'] })
  await synced(db, recent, '19 hours')
  await synced(db, late, '61 minutes')
  await world.change({ op: 'editProfile', profile: lost, status: 'gone' })

  const tick = async (at: string) => {
    await introduceJobs(db, [instagram.name])
    await db.transaction().execute((trx) => insertTicks(trx, instagram.name, [new Date(at)]))
    const id = await openTick(db, instagram, at)
    return await world.runCall(id ?? '')
  }
  const call = await tick('2026-11-20T03:00:00.000Z')
  expect(call).toMatchObject({
    trigger: 'cron',
    status: 'failed',
    error: { message: '1 of 4 profiles failed' },
  })
  expect(await readBy(db, call.id)).toEqual([plain, capital, late, lost].toSorted())
  const { rows: parts } = await sql<{ subject: string; parts: string[] }>`
    select subject, result -> 'parts' as parts from ledger.job_calls where job = 'instagram-profile' and status = 'succeeded'`.execute(
    db,
  )
  const partsOf = (name: string) => parts.find(({ subject }) => subject === name)?.parts
  expect(partsOf(capital)).toEqual(['profile', 'stories'])
  expect(partsOf(late)).toEqual(['profile'])
  expect(partsOf(plain)).toEqual([
    'profile',
    'posts',
    'reels',
    'comments',
    'replies',
    'stories',
    'highlights',
  ])
  const { rows: marked } = await sql`
    select username from public.tracked_profiles where gone_at is not null order by 1`.execute(db)
  expect(marked).toEqual([gone, lost].toSorted().map((username) => ({ username })))

  await world.forgetRequests()
  const next = await tick('2026-11-21T03:00:00.000Z')
  expect(next).toMatchObject({ status: 'succeeded', result: { profiles: 0 } })
  expect(count(await world.requests())).toEqual({})

  // A week later it is asked for again: still gone is no failure then, and the next week begins.
  const weekPassed = async () => {
    await sql`update public.tracked_profiles set gone_at = gone_at - interval '8 days' where username = ${lost}`.execute(
      db,
    )
    await sql`update ledger.subject_reads set read_at = read_at - interval '8 days' where operation = 'profile.gone'`.execute(
      db,
    )
  }
  await weekPassed()
  const weekLater = await tick('2026-11-22T03:00:00.000Z')
  expect(weekLater).toMatchObject({ status: 'succeeded', result: { profiles: 1, failed: 0 } })
  expect(await readBy(db, weekLater.id)).toEqual([lost])
  expect(await tick('2026-11-23T03:00:00.000Z')).toMatchObject({ result: { profiles: 0 } })

  // Who names it is told that it is not there; when it is again, it is tracked again.
  expect(await world.run({ usernames: [lost] })).toMatchObject({ status: 'failed' })
  await world.change({ op: 'editProfile', profile: lost, status: 'public' })
  await world.succeed({ usernames: [lost] })
  const { rows: back } = await sql`
    select gone_at, external_id is not null as known from public.tracked_profiles where username = ${lost}`.execute(
    db,
  )
  expect(back).toEqual([{ gone_at: null, known: true }])
})

test('what was handed out stays handed out, also when some of it has been read since', async () => {
  const world = await instagramWorld({ profiles: 3, postsPerProfile: 2 })
  const { db } = world
  for (const name of await world.usernames()) await track(db, name, { parts: ['profile'] })
  const call = await world.newNight()
  expect(call.status).toBe('succeeded')
  // As if it had been killed between handing out and saying so.
  await sql`
    update ledger.job_calls set status = 'queued', result = null, finished_at = null where id = ${call.id}`.execute(
    db,
  )
  await sql`
    delete from ledger.subject_reads where operation = 'profile.synced'
      and subject = (select min(username) from public.tracked_profiles)`.execute(db)
  expect(await world.runCall(call.id)).toMatchObject({
    status: 'succeeded',
    result: { profiles: 3 },
  })
  const { rows } = await sql`select from ledger.job_calls where job = 'instagram-batch'`.execute(db)
  expect(rows).toHaveLength(1)
})

async function track(db: Db, username: string, more: object): Promise<void> {
  await db
    .insertInto('tracked_profiles')
    .values({ username, ...more })
    .execute()
}

async function synced(db: Db, name: string, ago: string): Promise<void> {
  await sql`
    insert into ledger.subject_reads (service, operation, subject, read_at)
    values ('instagram', 'profile.synced', ${name}, clock_timestamp() - ${ago}::interval)`.execute(
    db,
  )
}

async function readBy(db: Db, rootId: string): Promise<string[]> {
  const { rows } = await sql<{ subject: string }>`
    select subject from ledger.job_calls where root_id = ${rootId} and job = 'instagram-profile' order by 1`.execute(
    db,
  )
  return rows.map(({ subject }) => subject).toSorted()
}
