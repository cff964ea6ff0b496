import { type Comment, type Instagram, type Media, read, type User } from './with-instagram.ts'

type Slice = { pks: string[]; next: string | null }
type Raw = {
  response: {
    items?: { media: Media }[]
    users?: User[]
    comments?: Comment[]
    tray?: { id: string }[]
  }
  next_page_id: string | null
}

// The shorter ids are numbers here and there, too.
const pksOf = (records: readonly { pk: string | number }[]): string[] =>
  records.map(({ pk }) => String(pk))
const tuple = ([records, next, other]: [{ pk: string }[], string | null, string?]): Slice => ({
  pks: pksOf(records),
  next: next ?? other ?? null,
})
const envelope = ({ response, next_page_id: next }: Raw): Slice => {
  const { items, users, comments, tray } = response
  const media = items?.map((item) => item.media)
  const marks = tray?.map(({ id }) => ({ pk: id.replace('highlight:', '') }))
  return { pks: pksOf(media ?? users ?? comments ?? marks ?? []), next }
}

/** Every list that has pages: how it is asked and what its pages are. */
export const lists = {
  feed: { path: '/v1/user/medias/chunk?user_id=', cursor: 'end_cursor', slice: tuple },
  clips: { path: '/v1/user/clips/chunk?user_id=', cursor: 'end_cursor', slice: tuple },
  rawClips: { path: '/v2/user/clips?user_id=', cursor: 'page_id', slice: envelope },
  followers: { path: '/v1/user/followers/chunk?user_id=', cursor: 'max_id', slice: tuple },
  following: { path: '/v1/user/following/chunk?user_id=', cursor: 'max_id', slice: tuple },
  rawFollowers: { path: '/v2/user/followers?user_id=', cursor: 'page_id', slice: envelope },
  rawFollowing: { path: '/v2/user/following?user_id=', cursor: 'page_id', slice: envelope },
  gqlFollowers: { path: '/gql/user/followers/chunk?user_id=', cursor: 'end_cursor', slice: tuple },
  tray: { path: '/v2/user/highlights?user_id=', cursor: 'page_id', slice: envelope },
  comments: { path: '/v1/media/comments/chunk?id=', cursor: 'min_id', slice: tuple },
  rawComments: { path: '/v2/media/comments?id=', cursor: 'page_id', slice: envelope },
} as const
export type ListName = keyof typeof lists

/** One page; null where the list is a 404, as clips of an account without reels. */
export async function slice(
  client: Pick<Instagram, 'get'>,
  list: ListName,
  owner: string,
  cursor: string | null,
): Promise<Slice | null> {
  const { path, cursor: name, slice: read_ } = lists[list]
  const query = cursor === null ? '' : `&${name}=${encodeURIComponent(cursor)}`
  const response = await client.get(`${path}${owner}${query}`)
  if (response.status === 404) return null
  // Both kinds of slices read what both kinds of bodies have.
  return read_(await read<never>(response))
}

/** Pages to the end; `between` is called before each page but the first. */
export async function pageAll(
  client: () => Pick<Instagram, 'get'>,
  list: ListName,
  owner: string,
  between: (page: number) => Promise<void> = async () => undefined,
): Promise<{ pks: string[]; pages: number }> {
  const pks: string[] = []
  let cursor: string | null = null
  for (let page = 1; ; page++) {
    const got = await slice(client(), list, owner, cursor)
    pks.push(...(got?.pks ?? []))
    cursor = got?.next ?? null
    if (cursor === null) return { pks, pages: page }
    await between(page)
  }
}

/** Who has such a list: pks of public profiles, or of posts with comments on. */
export async function owners(client: Instagram, list: ListName): Promise<string[]> {
  if (list === 'comments' || list === 'rawComments') {
    return (await client.state('posts')).filter((row) => !row.comments_disabled).map(({ pk }) => pk)
  }
  const profiles = await client.state('profiles')
  return profiles.filter(({ status }) => status === 'public').map(({ pk }) => pk)
}
