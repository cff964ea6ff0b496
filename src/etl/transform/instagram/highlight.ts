import { z } from 'zod'
import type { Transformed } from '../../stream.ts'
import { ifKnown, object, required, untold } from '../fields.ts'
import { validated } from '../validated.ts'
import { toPost } from './post.ts'
import type { PostRow } from './post-row.ts'
import {
  address,
  flag,
  idInside,
  idOfPerson,
  line,
  moment,
  personShape,
  positiveCount,
} from './values.ts'

/** What is undefined was not told. */
export interface HighlightRow {
  external_id: string
  profile_external_id: string | undefined
  profile_username: string | undefined
  title: string | null | undefined
  cover_url: string | undefined
  media_count: number | undefined
  is_pinned: boolean | undefined
  created_at: string | undefined
}

/** A post, and its place in a highlight. */
export interface HighlightItemRow extends PostRow {
  highlight_external_id: string
  position: number
}

/** Highlight of v1 or one of v2's tray, which has only the `id` (upstreams/instagram.md, B2). */
const highlight = z
  .object({
    pk: untold(idInside),
    id: ifKnown(idInside),
    title: untold(line),
    created_at: ifKnown(moment),
    is_pinned_highlight: flag,
    media_count: untold(positiveCount),
    cover_media: ifKnown(object({ cropped_image_version: ifKnown(object({ url: address })) })),
    user: z.object(personShape),
  })
  .refine((told) => (told.pk ?? told.id) !== undefined, 'it has no id')
  .refine((told) => idOfPerson(told.user) !== undefined, 'it names no owner')

const place = z.object({
  highlight: z.object({ id: required(idInside), position: z.int().min(0) }),
})

export function toHighlight(payload: unknown): Transformed<HighlightRow> {
  return validated(highlight, payload, (told) => ({
    external_id: told.pk ?? told.id ?? '',
    profile_external_id: idOfPerson(told.user),
    profile_username: told.user.username,
    title: told.title,
    cover_url: told.cover_media?.cropped_image_version?.url,
    media_count: told.media_count,
    is_pinned: told.is_pinned_highlight,
    created_at: told.created_at,
  }))
}

/** The medium as it came, with `highlight: { id, position }` added: the place in the answer's list, from 0. Rows count from 1. */
export function toHighlightItem(payload: unknown): Transformed<HighlightItemRow> {
  const placed = validated(place, payload, ({ highlight: { id, position } }) => ({
    highlight_external_id: id,
    position: position + 1,
  }))
  if ('reject' in placed) return placed
  const post = toPost(payload)
  return 'reject' in post ? post : { row: { ...post.row, ...placed.row } }
}
