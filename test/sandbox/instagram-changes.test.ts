import { expect, test } from 'vitest'
import { pageAll } from './instagram-paging.ts'
import { type Instagram, type Media, type User, withInstagram } from './with-instagram.ts'

type Profile = User & { media_count: number; follower_count: number; biography: string }

const options = { postsPerProfile: 20, commentsPerPost: 20, profiles: 10 }

async function publicProfile(client: Instagram) {
  const found = (await client.state('profiles')).find(({ status }) => status === 'public')
  if (found === undefined) throw new Error('nobody is public')
  return found
}

test('a deleted post is a 404 and leaves lists, counts and comments', async () => {
  const client = await withInstagram(options)
  const { pk: owner } = await publicProfile(client)
  const post = (await client.state('posts', owner)).find((row) => row.in_feed)
  const profile = () => client.read<Profile>(`/v1/user/by/id?id=${owner}`)
  const before = (await profile()).media_count
  expect(await client.change({ op: 'deletePost', media: post?.code })).toMatchObject([
    { pk: post?.pk },
  ])
  expect((await profile()).media_count).toBe(before - 1)
  expect((await client.get(`/v1/media/by/id?id=${post?.pk}`)).status).toBe(404)
  expect((await client.get(`/v2/media/comments?id=${post?.pk}`)).status).toBe(404)
  expect((await pageAll(() => client, 'feed', owner)).pks).not.toContain(post?.pk)
  expect(await client.change({ op: 'deletePost', media: post?.pk })).toMatchObject([
    { skipped: 'no such post' },
  ])
})

test('counts follow what is added and deleted, or what they are set to', async () => {
  const client = await withInstagram(options)
  const post = (await client.state('posts')).find(
    (row) => row.top_level_comments > 10 && !row.likes_hidden,
  )
  const media = () => client.read<Media>(`/v1/media/by/id?id=${post?.pk}`)
  const before = await media()
  const comment = (await client.state('comments')).find(
    (row) => row.media_pk === post?.pk && row.parent_pk === null,
  )
  const name = { media: post?.pk }
  const [, , , reply] = await client.change(
    { op: 'newComment', ...name, count: 3 },
    { op: 'newReply', ...name },
    { op: 'newLiker', ...name, count: 2 },
  )
  const after = await media()
  expect(reply?.pk).toMatch(/^\d{19}$/)
  expect(after.comment_count).toBe(before.comment_count + 4)
  expect(after.like_count).toBe(before.like_count + 2)
  const replies = (await client.state('comments')).filter((row) => row.media_pk === post?.pk)
  expect(replies.length).toBe(after.comment_count)

  await client.change({ op: 'deleteComment', ...name, comment: comment?.pk })
  const { pks } = await pageAll(() => client, 'rawComments', post?.pk ?? '')
  expect(pks).not.toContain(comment?.pk)
  await client.change({ op: 'editPost', ...name, likeCount: 5000, caption: 'исправлено' })
  expect(await media()).toMatchObject({ like_count: 5002, caption_text: 'исправлено' })
  await client.change({ op: 'editPost', ...name, commentsOff: true })
  expect(await media()).toMatchObject({ comments_disabled: true, comment_count: 0 })
})

test('a renamed profile is found by its new name and by id; private and gone ones as such', async () => {
  const client = await withInstagram(options)
  const { pk, username } = await publicProfile(client)
  const change = (set: object) => client.change({ op: 'editProfile', profile: pk, ...set })
  await change({ username: 'new.name', biography: 'Другое' })
  expect((await client.get(`/v1/user/by/username?username=${username}`)).status).toBe(404)
  const named = await client.read<Profile>('/v1/user/by/username?username=new.name')
  expect(named).toMatchObject({ id: pk, biography: 'Другое' })
  await change({ username: 'newer.name' })
  expect((await client.get('/v1/user/by/username?username=new.name')).status).toBe(404)
  await change({ status: 'private' })
  expect((await client.get(`/v1/user/medias/chunk?user_id=${pk}`)).status).toBe(403)
  expect(await client.state('posts', pk)).toEqual([])
  await change({ status: 'gone' })
  expect((await client.get(`/v1/user/by/id?id=${pk}`)).status).toBe(404)
  await change({ status: 'public' })
  expect((await client.get(`/v1/user/medias/chunk?user_id=${pk}`)).status).toBe(200)
})

test('followers come and go; a story comes and is over a day later', async () => {
  const client = await withInstagram({ ...options, followers: 80, stories: 2 })
  const { pk } = await publicProfile(client)
  const name = { profile: pk }
  await client.change(
    { op: 'newFollower', ...name, count: 5 },
    { op: 'lostFollower', ...name, count: 2 },
  )
  const profile = await client.read<Profile>(`/v1/user/by/id?id=${pk}`)
  expect(profile.follower_count).toBe(83)
  expect(new Set((await pageAll(() => client, 'followers', pk)).pks).size).toBe(83)

  const [story] = await client.change({ op: 'newStory', ...name, at: 1_748_736_000 })
  expect(story).not.toHaveProperty('skipped')
  const stories = () => client.read<unknown[]>(`/v1/user/stories?user_id=${pk}`)
  expect((await stories()).length).toBe(3)
  await client.settings({ clock: 1_748_736_000 + 86_399 })
  expect((await stories()).length).toBe(1)
  await client.settings({ clock: 1_748_736_000 + 86_400 })
  expect(await stories()).toEqual([])
})

const mixed = [
  { op: 'newPost' },
  { op: 'newPost', what: 'clip' },
  { op: 'deletePost' },
  { op: 'newComment', count: 3 },
  { op: 'deleteComment' },
  { op: 'newReply' },
  { op: 'newLiker' },
  { op: 'editPost', likeCount: 7 },
  { op: 'newStory' },
  { op: 'newFollower' },
  { op: 'lostFollower' },
  { op: 'editProfile', status: 'private' },
]

test('changes after every k-th request: the same ones end in the same state', async () => {
  const ends: string[] = []
  for (let run = 0; run < 2; run++) {
    const client = await withInstagram({ ...options, profiles: 40 })
    const script = {
      changes: mixed,
      everyRequests: 2,
      perStep: 3,
      total: 45,
      match: 'by/id',
      seed: 3,
    }
    await client.admin('POST', '/instagram/changes', script)
    const { pk } = await publicProfile(client)
    for (let n = 0; n < 40; n++) await client.get(`/v1/user/by/id?id=${n % 4 === 3 ? 1 : pk}`)
    const { text } = await client.admin('GET', '/instagram/changes')
    // Only the 30 that got data count.
    expect(JSON.parse(text)).toEqual({ scripts: [{ requests: 30, made: 45, total: 45 }] })
    ends.push((await client.admin('GET', '/instagram/state')).text)
    const rows =
      ends[run]
        ?.split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)) ?? []
    for (const post of rows.filter((row) => row.kind === 'posts').slice(0, 30)) {
      if (post.comments_disabled) continue
      const { pks } = await pageAll(() => client, 'rawComments', post.pk)
      expect(pks.length).toBe(post.top_level_comments)
      expect(rows.filter((row) => row.media_pk === post.pk).length).toBe(post.comment_count)
    }
  }
  expect(ends[0]).toBe(ends[1])
})

test('nonsense is a 400; an unknown profile is skipped and said', async () => {
  const client = await withInstagram(options)
  const wrong = await client.admin('POST', '/instagram/changes', { changes: [{ op: 'explode' }] })
  expect(wrong.status).toBe(400)
  expect(await client.change({ op: 'newPost', profile: 'nobody_zzzz' })).toEqual([
    { op: 'newPost', skipped: 'no such profile' },
  ])
})
