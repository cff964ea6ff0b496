import { z } from 'zod'
import { idInside, ifKnown } from './values.ts'

const some = ifKnown(idInside)
const record = z.looseObject({
  pk: some,
  id: some,
  media_id: some,
  profile_id: some,
  profile_pk: some,
  user: ifKnown(z.looseObject({ pk: some, id: some })),
  follower: ifKnown(z.looseObject({ pk: some, id: some })),
  followee: ifKnown(z.looseObject({ pk: some, id: some })),
  highlight: ifKnown(z.looseObject({ id: some })),
  media: ifKnown(z.looseObject({ id: some })),
})
type IdsOf = z.output<typeof record>

const idBy = (pick: (told: IdsOf) => string | undefined) => (payload: unknown) => {
  const parsed = record.safeParse(payload)
  return parsed.success ? pick(parsed.data) : undefined
}
const own = (told: { pk: string | undefined; id: string | undefined } | undefined) =>
  told?.pk ?? told?.id
/** Several ids as one, where none is missing. */
const joined = (...parts: (string | undefined)[]) =>
  parts.every((part) => part !== undefined) ? parts.join('/') : undefined

/** The id of a user, medium, comment or highlight. */
export const instagramId = idBy(own)
/** `<post>/<user>`. */
export const likeId = idBy((told) => joined(told.media_id, own(told.user)))
/** `<profile>/followers/<user>` or `<profile>/following/<user>`: two profiles that are read both tell of one follow, each in its own words. */
export const followId = idBy((told) => {
  const [follower, followee] = [own(told.follower), own(told.followee)]
  return told.profile_pk === followee
    ? joined(told.profile_pk, 'followers', follower)
    : joined(told.profile_pk, 'following', followee)
})
/** `<highlight>/<medium>`: one story may be in several. */
export const highlightItemId = idBy((told) => joined(told.highlight?.id, own(told)))
export const postInsightsId = idBy((told) => told.media?.id)
export const profileInsightsId = idBy((told) => told.profile_id)
