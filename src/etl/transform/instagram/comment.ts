import { z } from 'zod'
import type { Transformed } from '../../stream.ts'
import { ifKnown, object, untold } from '../fields.ts'
import { type Step, transformBy } from './steps.ts'
import { shortcodeOf } from './shortcode.ts'
import { mentionsOf } from './text.ts'
import { flag, idInside, idOfPerson, moment, person, positiveCount, text, word } from './values.ts'

/** What is undefined was not told. */
export interface CommentRow {
  external_id: string
  post_id: string | undefined
  post_shortcode: string | undefined
  parent_external_id?: string | undefined
  author_external_id?: string | undefined
  author_username?: string | undefined
  text: string
  mentions: string[]
  created_at: string
  like_count?: number | undefined
  reply_count?: number | undefined
  is_pinned?: boolean | undefined
  is_hidden?: boolean | undefined
}

const mediumNamed = object({ id: ifKnown(idInside), shortcode: ifKnown(word) })

/** Comment of v1, of v2 (upstreams/instagram.md, B2) or of the Graph API (A2), which has no `pk`. */
const comment = z
  .object({
    pk: untold(idInside),
    id: ifKnown(idInside),
    media_id: untold(idInside),
    media: ifKnown(mediumNamed),
    parent_comment_id: untold(idInside),
    parent_id: untold(idInside),
    user: ifKnown(person),
    user_id: ifKnown(idInside),
    from: ifKnown(person),
    username: ifKnown(word),
    text: untold(text),
    created_at_utc: ifKnown(moment),
    created_at: ifKnown(moment),
    timestamp: ifKnown(moment),
    like_count: untold(positiveCount),
    comment_like_count: untold(positiveCount),
    child_comment_count: untold(positiveCount),
    is_pinned: flag,
    hidden: flag,
  })
  .refine((told) => (told.pk ?? told.id) !== undefined, 'it has no id')
  .refine((told) => timeOf(told) !== undefined, 'it does not tell when it was written')
  .refine(
    (told) => (told.media_id ?? told.media?.id ?? told.media?.shortcode) !== undefined,
    'it names no post',
  )
type Comment = z.output<typeof comment>
type CommentStep = Step<Comment, CommentRow>

type Times = { [Name in 'created_at_utc' | 'created_at' | 'timestamp']?: string | undefined }
const timeOf = (told: Times) => told.created_at_utc ?? told.created_at ?? told.timestamp

const begin = (told: Comment): CommentRow => ({
  external_id: told.pk ?? told.id ?? '',
  post_id: told.media_id ?? told.media?.id,
  post_shortcode:
    told.media?.shortcode ?? (told.media_id === undefined ? undefined : shortcodeOf(told.media_id)),
  text: told.text ?? '',
  mentions: [],
  created_at: timeOf(told) ?? '',
})

const thread: CommentStep = (told) => ({
  parent_external_id: told.parent_comment_id ?? told.parent_id,
  reply_count: told.child_comment_count,
})

const author: CommentStep = ({ user, user_id, from, username }) => ({
  author_external_id: (user && idOfPerson(user)) ?? user_id ?? (from && idOfPerson(from)),
  author_username: user?.username ?? from?.username ?? username,
})

const mentions: CommentStep = (_, row) => ({ mentions: mentionsOf(row.text) })

const standing: CommentStep = (told) => ({
  like_count: told.comment_like_count ?? told.like_count,
  is_pinned: told.is_pinned,
  is_hidden: told.hidden,
})

export const toComment: (payload: unknown) => Transformed<CommentRow> = transformBy(
  comment,
  begin,
  [thread, author, mentions, standing],
)
