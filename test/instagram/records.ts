import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { Entity } from '../../src/etl/stream.ts'
import type { TestDatabase } from '../support/database.ts'

let answers = 0

/** An address as a CDN gives it: signed anew in every answer, and each from another of its hosts. */
export const signed = (path: string): string => {
  answers++
  return `https://scontent-${answers}.cdninstagram.com/v/${path}?_nc_gid=${answers}&oh=00_${answers}&oe=68${answers}`
}

/** Media as v1 tells them (upstreams/instagram.md, B2). */
export const media = (more: object = {}): object => ({
  pk: '3700000000000000001',
  id: '3700000000000000001_9001',
  code: 'DEMO001',
  taken_at: '2026-01-05T08:00:00Z',
  taken_at_ts: 1_767_600_000,
  media_type: 1,
  product_type: 'feed',
  user: { pk: '9001', username: 'demo.bakery' },
  caption_text: 'New loaf with @anna #bread',
  like_count: 41,
  comment_count: 3,
  play_count: null,
  usertags: [],
  thumbnail_url: signed('a.jpg'),
  image_versions: [{ url: signed('a.jpg'), width: 1080, height: 1350 }],
  resources: [],
  ...more,
})

export const album = (children: readonly string[], more: object = {}): object =>
  media({
    media_type: 8,
    product_type: 'carousel_container',
    resources: children.map((pk) => ({
      pk,
      id: `${pk}_9001`,
      media_type: 1,
      thumbnail_url: signed(`${pk}.jpg`),
    })),
    ...more,
  })

/** The same post as the official API tells it (A2). */
export const graphMedia = (more: object = {}): object => ({
  id: '18000000000000001',
  caption: 'New loaf with @anna #bread',
  media_type: 'IMAGE',
  media_product_type: 'FEED',
  media_url: signed('a.jpg'),
  shortcode: 'DEMO001',
  timestamp: '2026-01-05T08:00:00+0000',
  comments_count: 3,
  owner: { id: '17840000000000077' },
  username: 'demo.bakery',
  ...more,
})

/** Transforms records and loads them, as the page's transaction does. Answers the service call that brought them. */
export async function load<Row>(
  { db }: TestDatabase,
  entity: Entity<Row>,
  records: readonly unknown[],
  more: { fetched_at?: string } = {},
): Promise<string> {
  const service_call_id = randomUUID()
  const rows = records.map((record) => {
    const transformed = entity.transform(record)
    if ('reject' in transformed) throw new Error(transformed.reject)
    return { ...transformed.row, ...more, service_call_id }
  })
  await db.transaction().execute((trx) => entity.load(trx, rows))
  return service_call_id
}

/** All rows of a table with where they physically are and who wrote them: the same twice if nothing was written. */
export async function physically({ db }: TestDatabase, table: string): Promise<unknown[]> {
  const { rows } = await sql`
    select ctid::text, xmin::text, to_jsonb(t) as row from ${sql.table(table)} t order by to_jsonb(t)::text`.execute(
    db,
  )
  return rows
}
