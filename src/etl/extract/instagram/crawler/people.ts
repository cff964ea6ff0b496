import type { ExtractTools, Page } from '../../../stream.ts'
import { follow, type Trail } from '../page-trail.ts'
import type { ProfileRead, StreamSeed } from '../route.ts'
import { isPrivate, orSkip } from './or-skip.ts'
import { tupleOf } from './shapes.ts'
import type { Crawler } from './upstream.ts'

export interface PeopleCursor {
  userId: string
  username: string
  at?: string
  trail?: Trail
}

/** A page of who follows a profile, or whom it follows: each as a record that names both sides. */
export async function peoplePage(
  crawler: Crawler,
  list: 'followers' | 'following',
  cursor: PeopleCursor,
  tools: ExtractTools,
): Promise<Page<PeopleCursor>> {
  const { userId, username, at, trail } = cursor
  const path = `/v1/user/${list}/chunk`
  const asked = crawler.get(path, { user_id: userId, max_id: at }, tupleOf('users'), tools)
  const [users, next] = await orSkip(asked, { forbidden: isPrivate })
  const profile = { pk: userId, username }
  return {
    records: users.map((user) => ({
      profile_pk: userId,
      follower: list === 'followers' ? user : profile,
      followee: list === 'followers' ? profile : user,
    })),
    next:
      next === null
        ? null
        : { ...cursor, at: next, trail: follow(trail, { records: users, next }, `GET ${path}`) },
  }
}

export function peopleSeed({ externalId, username }: ProfileRead): StreamSeed {
  const cursor: PeopleCursor = { userId: externalId, username }
  return { subject: externalId, cursor }
}
