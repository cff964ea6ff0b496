import { z } from 'zod'
import {
  address,
  count,
  flag,
  idInside,
  ifKnown,
  line,
  listOf,
  moment,
  person,
  positiveCount,
  text,
  untold,
} from './values.ts'

/** Which file is the best of several: `image_versions` (v1), `candidates` (raw), `video_versions` (both). */
const version = z.looseObject({ url: address, width: positiveCount, height: positiveCount })
const versions = listOf(version)

/** The files of one medium, under the names of each form. */
export const file = z.looseObject({
  pk: untold(idInside),
  id: ifKnown(idInside),
  media_type: ifKnown(z.union([z.string(), z.number()])),
  thumbnail_url: address,
  video_url: address,
  /** Graph: of the picture or of the film. */
  media_url: address,
  image_versions: versions,
  image_versions2: ifKnown(z.looseObject({ candidates: versions })),
  video_versions: versions,
  video_duration: ifKnown(z.number().positive()),
})
export type MediumFile = z.output<typeof file>

const named = listOf(z.looseObject({ user: person }))
const tags = listOf(z.looseObject({ hashtag: z.looseObject({ name: z.string() }) }))

const withTags = z.looseObject({ in: z.unknown() })

/**
 * A medium in any of its forms, since their keys get along: Media and Story of v1, the app's own form of v2 (upstreams/instagram.md, B2), and the
 * Graph API's IG Media (A2), which is known by having no `pk`.
 */
export const medium = file
  .extend({
    media_type: z.union([z.string(), z.number()], 'must be a type of media').transform(String),
    code: ifKnown(z.string().min(1)),
    shortcode: ifKnown(z.string().min(1)),
    permalink: address,
    product_type: ifKnown(z.string()),
    media_product_type: ifKnown(z.string()),
    taken_at: ifKnown(moment),
    taken_at_ts: ifKnown(moment),
    timestamp: ifKnown(moment),
    expiring_at: ifKnown(moment),
    user: ifKnown(person),
    owner: ifKnown(person),
    username: ifKnown(z.string().min(1)),
    title: line,
    caption_text: line,
    // null says that there is none.
    caption: z.union([z.null(), z.looseObject({ text: line }), line]),
    // v1: a list; the app's own form: a list within.
    usertags: z.preprocess((value) => withTags.safeParse(value).data?.in ?? value, named),
    mentions: named,
    reel_mentions: named,
    hashtags: tags,
    story_hashtags: tags,
    like_count: count,
    comment_count: positiveCount,
    comments_count: positiveCount,
    play_count: positiveCount,
    view_count: positiveCount,
    comments_disabled: flag,
    is_comment_enabled: flag,
    like_and_view_counts_disabled: flag,
    is_paid_partnership: flag,
    location: z
      .looseObject({
        pk: ifKnown(idInside),
        name: ifKnown(text),
        lat: ifKnown(z.number()),
        lng: ifKnown(z.number()),
      })
      .nullish()
      .catch(undefined),
    resources: listOf(file),
    carousel_media: listOf(file),
    children: ifKnown(z.looseObject({ data: listOf(file) })),
  })
  .refine((told) => (told.pk ?? told.id) !== undefined, 'it has no id')
  .refine((told) => timeOf(told) !== undefined, 'it does not tell when it was taken')
  .refine(
    (told) => [told.user, told.owner, told.username].some((one) => one !== undefined),
    'it names no owner',
  )
export type Medium = z.output<typeof medium>

type Times = { [Name in 'taken_at_ts' | 'taken_at' | 'timestamp']?: string | undefined }
export const timeOf = (told: Times): string | undefined =>
  told.taken_at_ts ?? told.taken_at ?? told.timestamp

/** The Graph API has no `pk`: its ids are others. */
export const isGraph = (told: { pk?: string | undefined }): boolean => told.pk === undefined
