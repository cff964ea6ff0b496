import { sql } from 'kysely'
import { expect, test } from 'vitest'
import type { Db } from '../../src/db/connect.ts'
import { erasePerson, tryToErase } from '../../src/erase/erase-person.ts'
import { findPerson } from '../../src/erase/find-person.ts'
import { createLog } from '../../src/log.ts'
import { instagramWorld } from '../instagram-job/support/world.ts'
import { runJob, succeed } from '../replay/support.ts'
import { everything, whereIs } from './support.ts'

const parts =
  'profile,posts,reels,comments,replies,likers,followers,following,stories,highlights'.split(',')

const tools = (db: Db) => ({ db, log: createLog('silent'), files: undefined })

const countIn = async (db: Db, table: string) =>
  (await sql<{ n: number }>`select count(*) as n from ${sql.table(table)}`.execute(db)).rows[0]
    ?.n ?? 0

test('a profile goes with all that hangs on it, and from what others say of it', async () => {
  const world = await instagramWorld({ profiles: 3, postsPerProfile: { min: 3, max: 6 } })
  const { db, database } = world
  const [first, two, three] = await world.state('profiles')
  const name = first?.username ?? ''
  await world.change(
    {
      op: 'newPost',
      profile: two?.pk,
      caption: `With @${name}, and @${three?.username} (https://www.instagram.com/${name}/)`,
    },
    { op: 'newComment', profile: three?.pk, text: `Look at this @${name.toUpperCase()}.` },
    { op: 'editProfile', profile: three?.pk, biography: `Friend of @${name}. Baker` },
  )
  const usernames = await world.usernames()
  for (const username of usernames)
    await db.insertInto('tracked_profiles').values({ username }).execute()
  // Followed by each other, so that lists of those who stay tell of who goes.
  await world.succeed({ parts })
  // Their posts too: what others liked and wrote there.
  const posts = (await world.state('posts', first?.pk)).map(({ pk }) => pk)
  const words = [first?.pk ?? '', name, ...posts]
  const before = await whereIs(db, words)
  expect(Object.keys(before)).toEqual(
    expect.arrayContaining([
      ...['profiles', 'posts', 'comments', 'likes', 'follows', 'tracked_profiles'].map(
        (one) => `public.${one}`,
      ),
      'raw.records',
      'ledger.job_calls',
      'ledger.service_calls',
      'ledger.subject_reads',
    ]),
  )

  // A comment whose raw record was given up can't be transformed again: its mention goes all the same.
  const gone = await sql`
    delete from raw.records where entity = 'comments' and payload ->> 'text' like 'Look at this%'`.execute(
    db,
  )
  expect(gone.numAffectedRows).toBe(1n)

  const state = await everything(db)
  const person = await findPerson(db, 'profile', name)
  const tried = await tryToErase(db, person)
  expect((await everything(db)) === state).toBe(true)
  expect((await erasePerson(tools(db), person, 'test')).rows).toEqual(tried.rows)
  expect(await whereIs(db, words)).toEqual({})
  const { rows: captions } = await sql<{ caption: string; mentions: string[] }>`
    select caption, mentions from public.posts where caption like 'With %'`.execute(db)
  expect(captions).toEqual([
    {
      caption: `With [erased], and @${three?.username} (https://www.instagram.com/[erased]/)`,
      mentions: [three?.username],
    },
  ])
  expect(await countIn(db, 'public.profiles')).toBe(2)

  // Whoever asks for them by name is told; the lists of the others come without them.
  await db.deleteFrom('ledger.subject_reads').execute()
  const left = usernames.filter((username) => username !== name)
  const counts = await Promise.all(
    ['posts', 'comments', 'likes', 'follows'].map((table) => countIn(db, `public.${table}`)),
  )
  await world.succeed({ parts, usernames: left, full: true })
  await succeed(database, 'replay', { source: 'instagram' })
  expect(await whereIs(db, words)).toEqual({})
  expect(
    await Promise.all(
      ['posts', 'comments', 'likes', 'follows'].map((table) => countIn(db, `public.${table}`)),
    ),
  ).toEqual(counts)

  const again = await world.run({ parts: ['profile'], usernames: [name] })
  expect(again.status).toBe('failed')
  const { rows: asked } = await sql<{ error: { message: string } }>`
    select error from ledger.job_calls where job = 'instagram-profile' and subject = ${name}`.execute(
    db,
  )
  expect(asked.map(({ error }) => error.message)).toEqual([
    'this profile was erased: it is not read again',
  ])
  expect(await countIn(db, 'public.profiles')).toBe(2)
}, 90_000)

test('who is known by both routes goes under the ids of both, and comes back by neither', async () => {
  const world = await instagramWorld({ profiles: 6, postsPerProfile: 3 })
  const { db, database } = world
  const fit = (await world.state('profiles')).filter(
    ({ status, account_type: type }) => status === 'public' && type !== 1,
  )
  const [own] = fit
  const { pk = '', username: name = '', graph_id: graphId = '' } = own ?? {}
  const graph = {
    ...world.env,
    INSTAGRAM_ROUTE: 'graph',
    INSTAGRAM_BASE_URL: world.env.INSTAGRAM_BASE_URL.replace(/instagram$/, 'graph/v25.0'),
    INSTAGRAM_ACCESS_KEY: 'sandbox-graph-token',
  }
  const usernames = fit.map(({ username }) => username)
  const byBoth = async () => {
    const wanted = { usernames, parts: ['profile', 'posts', 'comments', 'replies'] }
    await world.run({ ...wanted, full: true })
    await runJob(database, 'instagram', { ...wanted, full: true }, graph)
  }
  await byBoth()
  const posts = (await world.state('posts', pk)).flatMap((post) => [post.pk, post.graph_id])
  const words = [pk, graphId, name, ...posts]
  for (const word of [pk, graphId, name, ...posts.slice(0, 2)])
    expect(Object.keys(await whereIs(db, [word]))).toContain('raw.records')
  const person = await findPerson(db, 'profile', name)
  expect(person.ids.toSorted()).toEqual([pk, graphId].toSorted())
  await erasePerson(tools(db), person, 'test')
  expect(await whereIs(db, words)).toEqual({})

  // Only what is asked for by name names them: a call, that fails, and the second time again.
  await byBoth()
  const { rows } = await sql`
    select from ledger.job_calls where subject = ${name} and status = 'failed' and error ->> 'message' like '%was erased%'`.execute(
    db,
  )
  expect(rows.length).toBe(1)
  const left = await whereIs(db, words)
  for (const table of Object.keys(left)) expect(table).toMatch(/^ledger\.(job_calls|incidents)/)
}, 60_000)

test('somebody who only comments and likes goes too; of the page that comes, the rest is stored', async () => {
  const world = await instagramWorld({ profiles: 1, postsPerProfile: 6, crowd: 12 })
  const { db } = world
  const usernames = await world.usernames()
  await world.succeed({ usernames, parts })
  const { rows } = await sql<{ id: string; name: string; comments: number }>`
    select author_external_id as id, author_username as name, count(*) as comments from public.comments
    where author_external_id in (select user_external_id from public.likes)
    group by 1, 2 order by 3 desc, 1 limit 1`.execute(db)
  const { id = '', name = '', comments = 0 } = rows[0] ?? {}
  const all = await countIn(db, 'public.comments')
  expect(comments).toBeGreaterThan(0)
  await erasePerson(tools(db), await findPerson(db, 'profile', id), 'test')
  expect(await whereIs(db, [id, name])).toEqual({})

  await sql`truncate public.comments, public.likes, raw.records, ledger.subject_reads`.execute(db)
  await world.succeed({ usernames, parts, full: true })
  expect(await whereIs(db, [id, name])).toEqual({})
  expect(await countIn(db, 'public.comments')).toBe(all - comments)
}, 60_000)
