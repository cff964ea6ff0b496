import { z } from 'zod'

/** Where a list goes on; null where it ends: a cursor that is null, empty or not there (upstreams/instagram.md, B1). */
const next = z
  .union([z.string(), z.number()])
  .nullish()
  .transform((cursor) => (cursor === null || cursor === undefined ? null : String(cursor) || null))

const records = z.array(z.unknown())
/** A record of which only that it is one is known; the transform looks closer. */
const record = z.record(z.string(), z.unknown())

/** The outer shapes of answers (upstreams/instagram.md, B1). What stands in a list is checked by the transform, one by one. */
export const tupleOf = (what: string) => ({
  due: `a page of ${what} and its cursor`,
  shape: z.tuple([records, next]).rest(z.unknown()),
})

export const listOf = (what: string) => ({ due: `a list of ${what}`, shape: records })

export const objectOf = (what: string) => ({ due: `a ${what}`, shape: record })

export const commentsPage = {
  due: 'a page of comments',
  shape: z.looseObject({
    response: z.looseObject({ comments: records }),
    next_page_id: next,
  }),
}

export const repliesPage = {
  due: 'a page of replies',
  shape: z.looseObject({
    child_comments: records,
    next_min_child_cursor: next,
    has_more_head_child_comments: z.unknown().optional(),
    has_more_tail_child_comments: z.unknown().optional(),
  }),
}

export const likersList = {
  due: 'a list of likers',
  shape: z.looseObject({ users: records }),
}

export const reelOfStories = {
  due: 'a reel of stories, or null,',
  shape: z.looseObject({
    reel: z.looseObject({ items: records, user: z.unknown().optional() }).nullable(),
  }),
}

export const reelsOfHighlights = {
  due: 'a highlight with its items',
  shape: z.looseObject({
    response: z.looseObject({ reels: z.record(z.string(), z.looseObject({ items: records })) }),
  }),
}
