import { sql } from 'kysely'
import type { Db } from '../../../src/db/connect.ts'
import type { Instagram, Told } from './world.ts'

type Rows = Record<string, object>
const kinds = ['profiles', 'posts', 'comments', 'likers', 'followers', 'following'] as const
export type Kind = (typeof kinds)[number] | 'stories' | 'highlights'
const mediaTypes: Record<number, string> = { 1: 'photo', 2: 'video', 8: 'album' }
const iso = (seconds: number) => new Date(seconds * 1000).toISOString()

/** What the tables are to hold of public profiles, by kind and id: every row that the sandbox says exists, field by field. */
export async function expectedRows(instagram: Pick<Instagram, 'state'>, wanted: readonly Kind[]) {
  const rows: Partial<Record<Kind, Rows>> = {}
  for (const kind of wanted) {
    const told = await instagram.state(kind)
    const ofPublic = kind === 'profiles' ? told.filter(({ status }) => status === 'public') : told
    rows[kind] = Object.fromEntries(ofPublic.map(expected[kind]))
  }
  return rows
}

/** As a line of text is kept: null where it is empty. */
const line = (text: string) => text.trim() || null

const profile = (row: Told) => ({
  username: row.username,
  full_name: line(row.full_name),
  bio: line(row.biography),
  media_count: row.media_count,
  follower_count: row.follower_count,
  following_count: row.following_count,
  is_private: false,
})

const post = (row: Told) => ({
  profile: row.user_pk,
  shortcode: row.code,
  kind: row.product_type === 'clips' ? 'reel' : 'post',
  product_type: row.product_type,
  media_type: mediaTypes[row.media_type],
  taken_at: iso(row.taken_at),
  caption: line(row.caption_text),
  like_count: row.likes_hidden ? null : row.like_count,
  likes_hidden: row.likes_hidden,
  play_count: row.play_count,
  comment_count: row.comment_count,
  comments_disabled: row.comments_disabled,
})

const comment = (row: Told) => ({
  post: row.media_pk,
  parent: row.parent_pk,
  author: row.user_pk,
  username: row.username,
  text: row.text,
  created_at: iso(row.created_at),
  like_count: row.like_count,
})

const story = (row: Told) => ({
  profile: row.user_pk,
  media_type: mediaTypes[row.media_type],
  taken_at: iso(row.taken_at),
})

const relation = (row: Told): [string, object] => [
  `${row.of_pk} ${row.user_pk}`,
  { username: row.username },
]

const expected: Record<Kind, (row: Told) => [id: string, row: object]> = {
  profiles: (row) => [row.pk, profile(row)],
  posts: (row) => [row.pk, post(row)],
  comments: (row) => [row.pk, comment(row)],
  likers: relation,
  followers: relation,
  following: relation,
  stories: (row) => [row.pk, story(row)],
  highlights: (row) => [row.pk, { profile: row.user_pk, title: row.title, items: row.item_pks }],
}

/** What the tables hold of profiles that are there and public, without what is gone. */
export async function storedRows(db: Db, wanted: readonly Kind[]) {
  const rows: Partial<Record<Kind, Rows>> = {}
  for (const kind of wanted) {
    const { rows: found } = await sql<{ id: string; row: object }>`
      with there as (
        select external_id from public.profiles where gone_at is null and is_private is not true
      ), ours as (
        select p.* from public.posts p join there t on t.external_id = p.profile_external_id where p.gone_at is null
      )
      ${selects[kind]}`.execute(db)
    rows[kind] = Object.fromEntries(found.map(({ id, row }) => [id, row]))
  }
  return rows
}

const time = (column: string) =>
  sql.raw(`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`)

const selects = {
  profiles: sql`
    select external_id as id, jsonb_build_object('username', username, 'full_name', full_name, 'bio', bio, 'media_count', media_count,
      'follower_count', follower_count, 'following_count', following_count, 'is_private', is_private) as row
    from public.profiles join there using (external_id)`,
  posts: sql`
    select external_id as id, jsonb_build_object('profile', profile_external_id, 'shortcode', shortcode, 'kind', kind,
      'product_type', product_type, 'media_type', media_type, 'taken_at', ${time('taken_at')}, 'caption', caption,
      'like_count', like_count, 'likes_hidden', likes_hidden, 'play_count', play_count, 'comment_count', comment_count,
      'comments_disabled', comments_disabled) as row
    from ours where kind <> 'story'`,
  comments: sql`
    select c.external_id as id, jsonb_build_object('post', c.post_external_id, 'parent', c.parent_external_id,
      'author', c.author_external_id, 'username', c.author_username, 'text', c.text, 'created_at', ${time('c.created_at')},
      'like_count', c.like_count) as row
    from public.comments c join ours on ours.external_id = c.post_external_id where c.gone_at is null`,
  likers: sql`
    select concat_ws(' ', l.post_external_id, l.user_external_id) as id, jsonb_build_object('username', l.username) as row
    from public.likes l join ours on ours.external_id = l.post_external_id where l.gone_at is null`,
  followers: sql`
    select concat_ws(' ', followee_external_id, follower_external_id) as id, jsonb_build_object('username', follower_username) as row
    from public.follows join there on external_id = followee_external_id
    where gone_at is null and follower_username is not null`,
  following: sql`
    select concat_ws(' ', follower_external_id, followee_external_id) as id, jsonb_build_object('username', followee_username) as row
    from public.follows join there on external_id = follower_external_id
    where gone_at is null and followee_username is not null`,
  stories: sql`
    select external_id as id, jsonb_build_object('profile', profile_external_id, 'media_type', media_type, 'taken_at', ${time('taken_at')}) as row
    from ours where kind = 'story' and not exists (select from public.highlight_items i where i.post_external_id = ours.external_id)`,
  highlights: sql`
    select h.external_id as id, jsonb_build_object('profile', h.profile_external_id, 'title', h.title, 'items',
      coalesce((select jsonb_agg(i.post_external_id order by i.position) from public.highlight_items i
        where i.highlight_external_id = h.external_id), '[]')) as row
    from public.highlights h join there on there.external_id = h.profile_external_id where h.gone_at is null`,
} satisfies Record<Kind, unknown>

/** What is stored beside what exists: for `expect`. In full only where a row differs, so that a failure can be read. */
export async function compare(
  db: Db,
  instagram: Pick<Instagram, 'state'>,
  wanted: readonly Kind[] = kinds,
) {
  const [stored, existing] = [await storedRows(db, wanted), await expectedRows(instagram, wanted)]
  // The simulated lists of two profiles of one world do not know of each other.
  const profiles = new Set((await instagram.state('profiles')).map(({ pk }) => pk))
  const isTold = (kind: Kind, id: string) =>
    !kind.startsWith('follow') || !id.split(' ').every((pk) => profiles.has(pk))
  const differences: object[] = []
  const counts: Record<string, number> = {}
  for (const kind of wanted) {
    const [is, due] = [stored[kind] ?? {}, existing[kind] ?? {}]
    counts[kind] = Object.keys(due).length
    for (const id of new Set([...Object.keys(is), ...Object.keys(due)]))
      if (isTold(kind, id) && !same(is[id], due[id]))
        differences.push({ kind, id, is: is[id], due: due[id] })
  }
  return { differences: differences.slice(0, 5), count: differences.length, counts }
}

const same = (a: object | undefined, b: object | undefined) => sorted(a) === sorted(b)
const sorted = (row: object | undefined) =>
  row && JSON.stringify(Object.entries(row).toSorted(([a], [b]) => (a < b ? -1 : 1)))

/** Where each row of raw and public stands: another address or transaction means that it was written. */
export async function placesOf(db: Db): Promise<Record<string, unknown>> {
  const { rows: tables } = await sql<{ name: string }>`
    select concat(schemaname, '.', tablename) as name from pg_tables where schemaname in ('raw', 'public') order by 1`.execute(
    db,
  )
  const places: Record<string, unknown> = {}
  for (const { name } of tables) {
    const { rows } = await sql`
      select count(*) as rows, md5(string_agg(concat(ctid, xmin), ',' order by ctid)) as places from ${sql.table(name)}`.execute(
      db,
    )
    places[name] = rows[0]
  }
  return places
}
