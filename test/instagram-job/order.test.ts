import { expect, test } from 'vitest'
import type { LogEntry } from '../../sandbox/request-log.ts'
import { instagramWorld, wayOf, type World } from './support/world.ts'

const parts = ['profile', 'posts', 'reels', 'comments', 'replies', 'likers']
const busy = {
  profiles: 3,
  postsPerProfile: { min: 20, max: 40 },
  commentsPerPost: { zero: 0.4, min: 1, max: 40, skew: 2 },
  latencyMs: 15,
}

/** A request, and whose it is. */
interface Asked extends LogEntry {
  way: string
  stream: string
  profile: string
  ends: number
}

test.each([1, 3])(
  'inside a stream one request after the other, and %i of a profile side by side at most',
  async (parallel) => {
    const world = await instagramWorld(busy)
    await world.succeed({ usernames: await world.usernames(), parts, parallel })
    const requests = await askedOf(world)
    for (const [stream, some] of Map.groupBy(requests, (request) => request.stream))
      expect([stream, mostAtOnce(some)]).toEqual([stream, 1])
    const ofProfiles = Map.groupBy(requests, ({ profile }) => profile)
    expect(ofProfiles.size).toBe(3)
    const most = [...ofProfiles.values()].map(mostAtOnce)
    for (const one of most) expect(one).toBeLessThanOrEqual(parallel)
    expect(Math.max(...most)).toBe(parallel)
    expect(mostAtOnce(requests)).toBeGreaterThan(parallel)
    for (const some of ofProfiles.values()) {
      const lastPage = some.findLast(({ way }) => way === 'posts' || way === 'reels')
      const first = some.find(({ way }) => ['comments', 'replies', 'likers'].includes(way))
      expect(first?.at).toBeGreaterThan(lastPage?.ends ?? Infinity)
    }
  },
)

test('a giant profile does not hold up the others', async () => {
  const world = await instagramWorld({
    ...busy,
    profiles: 9,
    postsPerProfile: 3,
    commentsPerPost: 2,
    giant: { posts: 800, comments: 1200 },
  })
  await world.succeed({ usernames: await world.usernames(), parts })
  const requests = await askedOf(world)
  const [giant] = await world.state('profiles')
  const others = requests.filter(({ profile }) => profile !== giant?.pk)
  const itsLast = requests.findLast(({ profile }) => profile === giant?.pk)
  const theirLast = others.at(-1)
  const begun = requests[0]?.at ?? 0
  expect(new Set(others.map(({ profile }) => profile)).size).toBe(8)
  expect((theirLast?.at ?? 0) - begun).toBeLessThan(((itsLast?.at ?? 0) - begun) / 2)
})

async function askedOf(world: World): Promise<Asked[]> {
  const profiles = await world.state('profiles')
  const owners = new Map((await world.state('posts')).map((post) => [post.pk, post.user_pk]))
  const requests = await world.requests()
  return requests.map((request) => {
    const query = new URLSearchParams(request.query)
    const named = profiles.find(({ username }) => username === query.get('username'))
    const medium = query.get('media_id') ?? query.get('id') ?? ''
    const way = wayOf(request)
    const subject = query.get('comment_id') ?? query.get('user_id') ?? query.get('id')
    const profile = named?.pk ?? query.get('user_id') ?? owners.get(medium)
    if (profile === undefined) throw new Error(`whose is ${request.path}?${request.query}`)
    const ends = request.at + (request.ms ?? 0)
    return { ...request, way, stream: `${way} ${subject ?? profile}`, profile, ends }
  })
}

/** How many were under way at the same time. */
function mostAtOnce(requests: readonly Asked[]): number {
  const moments = requests
    .flatMap(({ at, ends }) => [
      { at, step: 1 },
      { at: ends, step: -1 },
    ])
    .toSorted((a, b) => a.at - b.at || a.step - b.step)
  let now = 0
  let most = 0
  for (const { step } of moments) {
    now += step
    most = Math.max(most, now)
  }
  return most
}
