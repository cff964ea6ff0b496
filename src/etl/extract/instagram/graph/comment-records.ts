import { completed } from '../record-fields.ts'

/** A post as its comments and insights name it: by shortcode too, which the routes share. */
export interface MediaNamed {
  id: string
  shortcode?: string
}

/** Of a comment or a reply (upstreams/instagram.md, A2). */
export const commentFields = {
  needed: ['id', 'text', 'timestamp'],
  wanted: ['username', 'from', 'like_count', 'hidden', 'parent_id'],
}

/** The most that one query gives (upstreams/instagram.md, A1). */
export const mostComments = 50

/** A comment, or the reply to one, that names what it stands under. */
export function named(record: unknown, media: MediaNamed, parent?: string): unknown {
  return completed(record, { media, ...(parent !== undefined && { parent_id: parent }) })
}
