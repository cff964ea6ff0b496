import { z } from 'zod'
import { changeScriptSchemaOf } from '../change-script-schema.ts'

/** How often. Default 1. */
const count = z.int().min(1).max(100_000).default(1)
/** A username or pk. Default: any public profile, by the seed. */
const profile = z.string().optional()
/** A pk or shortcode of a post or reel. Default: any of the profile's, or of anyone's. */
const media = z.string().optional()
/** Unix seconds of the new record. Default: the clock. */
const at = z.int().optional()

/** What happens to the world while it is read. */
export const changeSchema = z.discriminatedUnion('op', [
  /** `clip` is a reel that stands in the clips list only. */
  z.strictObject({
    op: z.literal('newPost'),
    profile,
    what: z.enum(['post', 'reel', 'clip']).default('post'),
    caption: z.string().optional(),
    at,
    count,
  }),
  z.strictObject({ op: z.literal('deletePost'), profile, media, count }),
  z.strictObject({
    op: z.literal('newComment'),
    profile,
    media,
    text: z.string().optional(),
    at,
    count,
  }),
  /** `comment` is the pk of a top-level one. Default: any. Its replies go with it. */
  z.strictObject({
    op: z.literal('deleteComment'),
    profile,
    media,
    comment: z.string().optional(),
    count,
  }),
  /** To the first comment of each eight; a comment takes 24 replies. */
  z.strictObject({
    op: z.literal('newReply'),
    profile,
    media,
    comment: z.string().optional(),
    at,
    count,
  }),
  /** One more user likes it, and stands in its list of likers. */
  z.strictObject({ op: z.literal('newLiker'), profile, media, count }),
  /** Sets what is told of a post; the lists stay as they are. */
  z.strictObject({
    op: z.literal('editPost'),
    profile,
    media,
    likeCount: z.int().min(0).optional(),
    playCount: z.int().min(0).optional(),
    caption: z.string().optional(),
    commentsOff: z.boolean().optional(),
    count,
  }),
  z.strictObject({ op: z.literal('newStory'), profile, at, count }),
  /** The first is the newest of the list. */
  z.strictObject({ op: z.literal('newFollower'), profile, count }),
  z.strictObject({ op: z.literal('lostFollower'), profile, count }),
  z.strictObject({
    op: z.literal('editProfile'),
    profile,
    /** The old name is a 404 from then on. */
    username: z
      .string()
      .regex(/^[\w.]{1,30}$/)
      .optional(),
    fullName: z.string().optional(),
    biography: z.string().optional(),
    status: z.enum(['public', 'private', 'gone']).optional(),
    count,
  }),
])

export const changeScriptSchema = changeScriptSchemaOf(changeSchema)
export type Change = z.infer<typeof changeSchema>
/** What a change did, to what, or why it could not. */
export type Applied = { op: Change['op']; profile?: string; pk?: string; skipped?: string }
