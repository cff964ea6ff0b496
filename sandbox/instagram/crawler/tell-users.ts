import { roll } from '../hash.ts'
import { isVerified, type Person, type Profile, statusOf } from '../users.ts'
import { categories, cities } from '../words.ts'
import type { Visit } from './visit.ts'

/** UserShort of v1, and the user beside anything in v2 (upstreams/instagram.md, B2). */
export function personJson({ world, sign, tell }: Visit, person: Person) {
  const { pk, user, username, fullName } = person
  return {
    pk: tell(pk, person.hash),
    id: pk,
    username,
    full_name: fullName,
    profile_pic_url: sign(`t51.2885-19/${pk}_s150.jpg`),
    is_private: statusOf(world, user) !== 'public',
    is_verified: isVerified(person),
  }
}

/** User of v1. */
export function userJson(visit: Visit, profile: Profile) {
  const { hash, accountType, username } = profile
  const isBusiness = accountType === 2
  const category = isBusiness ? (categories[roll(hash, 90, categories.length)] ?? null) : null
  return {
    ...personJson(visit, profile),
    profile_pic_url_hd: visit.sign(`t51.2885-19/${profile.pk}_s320.jpg`),
    is_business: isBusiness,
    account_type: accountType,
    media_count: profile.mediaCount,
    follower_count: profile.followerCount,
    following_count: profile.followingCount,
    biography: profile.biography,
    external_url:
      roll(hash, 91, 3) === 0 ? `https://${username.replaceAll(/[._]/g, '-')}.example/` : null,
    category,
    category_name: category,
    business_category_name: category,
    public_email: isBusiness ? `hello@${username.replaceAll(/[._]/g, '-')}.example` : null,
    contact_phone_number: null,
    city_name: isBusiness ? (cities[roll(hash, 92, cities.length)] ?? null) : null,
    latitude: isBusiness ? 55.75 + roll(hash, 93, 1000) / 1e4 : null,
    longitude: isBusiness ? 37.61 + roll(hash, 94, 1000) / 1e4 : null,
  }
}

/** The raw user of v2: the same under the app's own names. */
export function rawUserJson(visit: Visit, profile: Profile) {
  const { profile_pic_url_hd: hd, ...user } = userJson(visit, profile)
  return {
    ...user,
    hd_profile_pic_url_info: { url: hd, width: 320, height: 320 },
    has_highlight_reels: true,
    bio_links: [],
  }
}
