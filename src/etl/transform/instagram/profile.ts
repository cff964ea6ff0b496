import { z } from 'zod'
import type { Transformed } from '../../stream.ts'
import { ifKnown, object, orNone, untold } from '../fields.ts'
import { type Step, transformBy } from './steps.ts'
import { hashtagsOf, mentionsOf } from './text.ts'
import { address, flag, idInside, line, positiveCount } from './values.ts'

/** What is undefined was not told; null was told to be nothing. */
export interface ProfileRow {
  external_id: string
  /** The crawler's id. */
  pk?: string | undefined
  graph_id?: string | undefined
  username: string
  full_name?: string | null | undefined
  bio?: string | null | undefined
  bio_mentions?: string[] | undefined
  bio_hashtags?: string[] | undefined
  external_url?: string | null | undefined
  category?: string | null | undefined
  is_private?: boolean | undefined
  is_verified?: boolean | undefined
  is_business?: boolean | undefined
  picture_url?: string | undefined
  follower_count?: number | undefined
  following_count?: number | undefined
  media_count?: number | undefined
}

/** User of v1 and v2 (upstreams/instagram.md, B2), or the Graph API's (A2), which has no `pk`. */
const profile = z
  .object({
    pk: untold(idInside),
    id: ifKnown(idInside),
    // Graph: the app's own id, where it is told ("legacy", A1).
    ig_id: ifKnown(idInside),
    username: z.string().trim().min(1).max(100),
    full_name: untold(line),
    name: untold(line),
    biography: untold(line),
    external_url: orNone(line),
    website: untold(line),
    category: untold(line),
    category_name: untold(line),
    business_category_name: untold(line),
    is_private: flag,
    is_verified: flag,
    is_business: flag,
    profile_pic_url: address,
    profile_pic_url_hd: address,
    hd_profile_pic_url_info: ifKnown(object({ url: address })),
    profile_picture_url: address,
    follower_count: untold(positiveCount),
    followers_count: untold(positiveCount),
    following_count: untold(positiveCount),
    follows_count: untold(positiveCount),
    media_count: untold(positiveCount),
  })
  .refine((told) => (told.pk ?? told.id) !== undefined, 'it has no id')
type Profile = z.output<typeof profile>
type ProfileStep = Step<Profile, ProfileRow>

const begin = ({ pk, ig_id, id, username }: Profile): ProfileRow => ({
  external_id: pk ?? ig_id ?? id ?? '',
  pk: pk ?? ig_id,
  graph_id: pk === undefined ? id : undefined,
  username: username.toLowerCase(),
})

const bio: ProfileStep = ({ biography }) => ({
  bio: biography,
  bio_mentions: biography === undefined ? undefined : mentionsOf(biography ?? ''),
  bio_hashtags: biography === undefined ? undefined : hashtagsOf(biography ?? ''),
})

const facts: ProfileStep = (told) => ({
  full_name: told.full_name ?? told.name,
  external_url: told.external_url === undefined ? told.website : told.external_url,
  category: told.category ?? told.category_name ?? told.business_category_name,
  is_private: told.is_private,
  is_verified: told.is_verified,
  is_business: told.is_business,
  picture_url:
    told.hd_profile_pic_url_info?.url ??
    told.profile_pic_url_hd ??
    told.profile_picture_url ??
    told.profile_pic_url,
})

const figures: ProfileStep = (told) => ({
  follower_count: told.follower_count ?? told.followers_count,
  following_count: told.following_count ?? told.follows_count,
  media_count: told.media_count,
})

export const toProfile: (payload: unknown) => Transformed<ProfileRow> = transformBy(
  profile,
  begin,
  [bio, facts, figures],
)
