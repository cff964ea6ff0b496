import { expect, test } from 'vitest'
import { analysisWorld } from './support/world.ts'

test('what an Instagram run brings is analysed, each content once, and lies beside what it is of', async () => {
  const world = await analysisWorld()
  const usernames = await world.usernames()
  expect(await world.run('instagram', { usernames })).toMatchObject({ status: 'succeeded' })
  const waiting = await world.tasks()
  expect(waiting).toEqual({
    'image waiting': expect.any(Number),
    'text waiting': expect.any(Number),
    'video waiting': expect.any(Number),
  })
  await world.settle()
  // The service's capabilities list no videos.
  expect(await world.tasks()).toEqual({
    'image succeeded': waiting['image waiting'],
    'text succeeded': waiting['text waiting'],
    'video skipped': waiting['video waiting'],
  })
  expect(
    await world.rows("select distinct error from ledger.analysis_tasks where kind = 'video'"),
  ).toEqual([{ error: { kind: 'skipped', message: 'the service takes no videos' } }])

  // Every text and photo there is has its analysis, with the model, and the service call that brought it.
  const [beside] = await world.rows(`
    with texts as (
      select bio as text from profiles where bio <> '' union select caption from posts where caption <> ''
      union select text from comments where text <> ''
    ), photos as (select media_key(source, external_id, post_external_id, position) as key from post_media where media_type = 'photo')
    select (select count(*) from texts) as texts,
      (select count(*) from texts join text_analysis a on a.text_key = text_key(texts.text)
        join ledger.service_calls s on s.id = a.service_call_id and s.service = 'text-ml' and s.operation = 'poll'
        where a.model = 'sandbox-text-1' and a.sentiment is not null and a.language is not null and a.mentions is not null) as texts_analysed,
      (select count(*) from photos) as photos,
      (select count(*) from photos join media_analysis a on a.media_key = photos.key
        join ledger.service_calls s on s.id = a.service_call_id and s.service = 'vision' and s.operation = 'poll'
        where a.model = 'sandbox-vision-3' and a.labels is not null and a.faces is not null and a.texts is not null) as photos_analysed`)
  expect(beside).toEqual({
    texts: waiting['text waiting'],
    texts_analysed: waiting['text waiting'],
    photos: waiting['image waiting'],
    photos_analysed: waiting['image waiting'],
  })
  for (const service of ['vision', 'text-ml'] as const)
    for (const { accepted } of await world.taken(service)) expect(accepted).toBe(1)

  // Read again as if each record had changed, transformed again: nothing of it goes out again.
  await world.rows(`update raw.records set content_hash = 'another'`)
  await world.run('instagram', { usernames, full: true })
  expect(await world.run('replay', {})).toMatchObject({ status: 'succeeded' })
  expect(await world.tasks()).toMatchObject({ 'text succeeded': waiting['text waiting'] })
  await world.settle()
  for (const service of ['vision', 'text-ml'] as const)
    for (const { accepted } of await world.taken(service)) expect(accepted).toBe(1)
})

test('where a service is not configured, nothing waits for it, and the run says so', async () => {
  const world = await analysisWorld({ env: { VISION_BASE_URL: '' } })
  const call = await world.run('instagram', { usernames: await world.usernames() })
  expect(Object.keys(await world.tasks())).toEqual(['text waiting'])
  expect(call).toMatchObject({
    status: 'succeeded',
    result: { not_analysed: ['photos and videos: VISION_BASE_URL is not set'] },
  })
})
