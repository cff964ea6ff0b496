import { z } from 'zod'
import { ifKnown, object } from '../fields.ts'
import { idInside } from './values.ts'

const some = ifKnown(idInside)
const ofRecord = z.object({ pk: some, id: some })
const someone = ifKnown(object(ofRecord.shape))

const idBy =
  <Schema extends z.ZodType>(
    schema: Schema,
    pick: (told: z.output<Schema>) => string | undefined,
  ) =>
  (payload: unknown): string | undefined => {
    const { success, data } = schema.safeParse(payload)
    return success ? pick(data) : undefined
  }
const own = (told: z.output<typeof ofRecord> | undefined) => told?.pk ?? told?.id
/** Several ids as one, where none is missing. */
const joined = (...parts: (string | undefined)[]) =>
  parts.every((part) => part !== undefined) ? parts.join('/') : undefined

/** The id of a user, medium, comment or highlight. */
export const instagramId = idBy(ofRecord, own)
/** `<post>/<user>`. */
export const likeId = idBy(z.object({ media_id: some, user: someone }), (told) =>
  joined(told.media_id, own(told.user)),
)
/** `<profile>/followers/<user>` or `<profile>/following/<user>`: two profiles that are read both tell of one follow, each in its own words. */
export const followId = idBy(
  z.object({ profile_pk: some, follower: someone, followee: someone }),
  (told) => {
    const [follower, followee] = [own(told.follower), own(told.followee)]
    return told.profile_pk === followee
      ? joined(told.profile_pk, 'followers', follower)
      : joined(told.profile_pk, 'following', followee)
  },
)
/** `<highlight>/<medium>`: one story may be in several. */
export const highlightItemId = idBy(
  ofRecord.extend({ highlight: ifKnown(object({ id: some })) }),
  (told) => joined(told.highlight?.id, own(told)),
)
export const postInsightsId = idBy(
  z.object({ media: ifKnown(object({ id: some })) }),
  (told) => told.media?.id,
)
export const profileInsightsId = idBy(z.object({ profile_id: some }), (told) => told.profile_id)
