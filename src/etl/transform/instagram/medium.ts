import { z } from 'zod'
import {
  by,
  ifKnown,
  listOf,
  object,
  orNone,
  type Reader,
  refused,
  required,
  untold,
} from '../fields.ts'
import {
  address,
  count,
  flag,
  idInside,
  line,
  moment,
  number,
  person,
  positiveCount,
  text,
  word,
} from './values.ts'

/** Which file is the best of several: `image_versions` (v1), `candidates` (raw), `video_versions` (both). */
const version = object({
  url: address,
  width: untold(positiveCount),
  height: untold(positiveCount),
})
const versions = listOf(version)

const mediaType: Reader<string> = {
  read: (value) =>
    typeof value === 'string' || typeof value === 'number' ? String(value) : refused,
  due: 'must be a type of media',
}

/** The files of one medium, under the names of each form. */
const file = z.object({
  pk: untold(idInside),
  id: ifKnown(idInside),
  media_type: ifKnown(mediaType),
  thumbnail_url: address,
  video_url: address,
  /** Graph: of the picture or of the film. */
  media_url: address,
  image_versions: ifKnown(versions),
  image_versions2: ifKnown(object({ candidates: ifKnown(versions) })),
  video_versions: ifKnown(versions),
  video_duration: ifKnown(by(z.number().positive())),
})
export type MediumFile = z.output<typeof file>

const files = listOf(by(file))
const named = listOf(object({ user: required(person) }))
const tags = listOf(object({ hashtag: z.object({ name: z.string() }) }))

const within = z.object({ in: z.unknown() })
/** v1: a list; the app's own form: a list within. */
const tagged = {
  read: (value: unknown) => named.read(within.safeParse(value).data?.in ?? value),
}

const captionWithin = object({ text: untold(line) })
/** null says that there is none. */
const caption = {
  read: (value: unknown) => (typeof value === 'string' ? line : captionWithin).read(value),
  due: line.due,
}

/**
 * A medium in any of its forms, since their keys get along: Media and Story of v1, the app's own form of v2 (upstreams/instagram.md, B2), and the
 * Graph API's IG Media (A2), which is known by having no `pk`.
 */
export const medium = file
  .extend({
    media_type: required(mediaType),
    code: ifKnown(word),
    shortcode: ifKnown(word),
    permalink: address,
    product_type: ifKnown(word),
    media_product_type: ifKnown(word),
    taken_at: ifKnown(moment),
    taken_at_ts: ifKnown(moment),
    timestamp: ifKnown(moment),
    expiring_at: ifKnown(moment),
    user: ifKnown(person),
    owner: ifKnown(person),
    username: ifKnown(word),
    title: untold(line),
    caption_text: untold(line),
    caption: orNone(caption),
    usertags: ifKnown(tagged),
    mentions: ifKnown(named),
    reel_mentions: ifKnown(named),
    hashtags: ifKnown(tags),
    story_hashtags: ifKnown(tags),
    like_count: untold(count),
    comment_count: untold(positiveCount),
    comments_count: untold(positiveCount),
    play_count: untold(positiveCount),
    view_count: untold(positiveCount),
    comments_disabled: flag,
    is_comment_enabled: flag,
    like_and_view_counts_disabled: flag,
    is_paid_partnership: flag,
    location: z
      .object({
        pk: ifKnown(idInside),
        name: ifKnown(text),
        lat: ifKnown(number),
        lng: ifKnown(number),
      })
      .nullish()
      .catch(undefined),
    resources: ifKnown(files),
    carousel_media: ifKnown(files),
    children: ifKnown(object({ data: ifKnown(files) })),
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
