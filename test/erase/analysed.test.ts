import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { erasePerson } from '../../src/erase/erase-person.ts'
import { findPerson } from '../../src/erase/find-person.ts'
import { createLog } from '../../src/log.ts'
import { analysisWorld } from '../analysis/support/world.ts'
import { whereIs } from './support.ts'

test('analyses of a profile go, those of texts and pictures that stand elsewhere stay; a batch that holds them is called off', async () => {
  const world = await analysisWorld()
  const { db } = world
  const [name = '', other = ''] = await world.usernames()
  const post = async (caption: string) =>
    await world.admin('instagram', 'POST', '/changes', {
      changes: [{ op: 'newPost', profile: other, caption }],
    })
  await post(`Thanks, @${name}!`)
  await world.run('instagram', { usernames: [name, other] })
  await world.settle()
  // One more that waits, in a batch that is just being sent, with one of another.
  await post(`Again with @${name}`)
  await post('Nothing but bread')
  await world.run('instagram', { usernames: [other] })
  await sql`
    with batch as (
      insert into ledger.analysis_batches (id, service, kind, items, body)
      select ledger.uuid_v7(), 'text-ml', 'text', count(*), string_agg(content ->> 'text', ';') from ledger.analysis_tasks
      where kind = 'text' and status = 'waiting' returning id
    )
    update ledger.analysis_tasks t set batch_id = batch.id from batch where t.kind = 'text' and t.status = 'waiting'`.execute(
    db,
  )
  const before = await whereIs(db, [name])
  expect(Object.keys(before)).toEqual(
    expect.arrayContaining([
      'public.text_analysis',
      'ledger.analysis_tasks',
      'ledger.analysis_batches',
    ]),
  )

  const person = await findPerson(db, 'profile', name)
  const { rows } = await erasePerson(
    { db, log: createLog('silent'), files: undefined },
    person,
    'test',
  )
  expect(rows).toMatchObject({
    'ledger.analysis_tasks': { deleted: expect.any(Number) },
    'public.media_analysis': { deleted: expect.any(Number) },
    'public.text_analysis': { deleted: expect.any(Number) },
  })
  expect(await whereIs(db, [name, ...person.ids, ...person.things])).toEqual({})
  const [left] = await world.rows(`
    with texts as (
      select text_key(bio) as key from profiles where bio <> '' union select text_key(caption) from posts union select text_key(text) from comments
    ), media as (select media_key(source, external_id, post_external_id, position) as key from post_media)
    select (select count(*)::int from text_analysis where text_key not in (select key from texts where key is not null)) as texts_of_nobody,
      (select count(*)::int from media_analysis where media_key not in (select key from media)) as media_of_nobody,
      (select count(*)::int from text_analysis) > 0 and (select count(*)::int from media_analysis) > 0 as others_are_there,
      (select count(*)::int from raw.records where entity in ('text_analysis', 'media_analysis')
        and external_id not in (select key from texts where key is not null union select key from media)) as raw_of_nobody`)
  expect(left).toEqual({
    texts_of_nobody: 0,
    media_of_nobody: 0,
    others_are_there: true,
    raw_of_nobody: 0,
  })

  // What else was in the batch is handed over after all.
  await world.settle()
  const [bread] = await world.rows(`
    select t.status from ledger.analysis_tasks t where content_key = text_key('Nothing but bread')`)
  expect(bread).toEqual({ status: 'succeeded' })
}, 60_000)
