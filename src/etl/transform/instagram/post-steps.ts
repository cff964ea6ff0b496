import { isGraph, type Medium } from './medium.ts'
import { expiryOf, mediaOf } from './post-media.ts'
import type { PostRow } from './post-row.ts'
import { shortcodeIn } from './shortcode.ts'
import type { Step } from './steps.ts'
import { hashtagsOf, mentionsOf, unique } from './text.ts'
import { idOfPerson } from './values.ts'

type PostStep = Step<Medium, PostRow>

export const names: PostStep = (told, { external_id }) => ({
  graph_id: isGraph(told) ? external_id : undefined,
  shortcode: told.code ?? told.shortcode ?? shortcodeIn(told.permalink),
})

export const owner: PostStep = ({ user, owner: other, username }) => ({
  profile_external_id: (user && idOfPerson(user)) ?? (other && idOfPerson(other)),
  profile_username: user?.username ?? other?.username ?? username,
})

/** By the type alone: a reel stands in the feed too, and a story in a highlight. */
export const kind: PostStep = (told) => {
  const type = (told.product_type ?? told.media_product_type)?.toLowerCase()
  if (!type) return {}
  // The official API says REELS for the app's `clips`.
  const product_type = type === 'reels' ? 'clips' : type
  const kinds = { clips: 'reel', story: 'story' } as const
  return {
    product_type,
    kind: product_type === 'clips' || product_type === 'story' ? kinds[product_type] : 'post',
  }
}

export const expiry: PostStep = (told, row) =>
  row.kind === 'story' ? { expires_at: expiryOf(told) } : {}

export const caption: PostStep = ({ title, caption_text, caption: told }) => ({
  title,
  caption: caption_text === undefined ? captionIn(told) : caption_text,
})

const captionIn = (told: Medium['caption']) =>
  typeof told === 'object' && told !== null ? told.text : told

/** Also those that a story has as stickers: a form that leaves these out does not tell that there are none. */
export const mentionsAndHashtags: PostStep = (told, row) => {
  const people = told.mentions ?? told.reel_mentions
  const tags = told.hashtags ?? told.story_hashtags
  const text = row.caption ?? ''
  const isWhole = row.caption !== undefined && row.kind !== 'story'
  return {
    mentions: toldOf(
      [
        ...mentionsOf(text),
        ...(people?.flatMap(({ user }) => user.username?.toLowerCase() ?? []) ?? []),
      ],
      isWhole || people !== undefined,
    ),
    hashtags: toldOf(
      [
        ...hashtagsOf(text),
        ...(tags?.flatMap(({ hashtag }) => hashtagsOf(`#${hashtag.name}`)) ?? []),
      ],
      isWhole || tags !== undefined,
    ),
  }
}

const toldOf = (found: readonly string[], isTold: boolean) =>
  isTold || found.length > 0 ? unique(found) : undefined

export const tagged: PostStep = ({ usertags }) => ({
  tagged: usertags?.map(({ user }) => ({
    external_id: idOfPerson(user),
    username: user.username,
  })),
})

/** Where likes are hidden, the app still shows the few that its own user knows: that is no count. */
export const figures: PostStep = (told) => ({
  like_count:
    told.like_and_view_counts_disabled === true || (told.like_count ?? 0) < 0
      ? null
      : told.like_count,
  comment_count: told.comment_count ?? told.comments_count,
  play_count: told.play_count,
  view_count: told.view_count,
})

export const flags: PostStep = (told) => ({
  likes_hidden: told.like_and_view_counts_disabled,
  comments_disabled:
    told.comments_disabled ??
    (told.is_comment_enabled === undefined ? undefined : !told.is_comment_enabled),
  is_paid_partnership: told.is_paid_partnership,
})

export const place: PostStep = ({ location }) => ({
  location: location && {
    external_id: location.pk,
    name: location.name,
    lat: location.lat,
    lng: location.lng,
  },
})

export const media: PostStep = (told, row) => ({ media: mediaOf(told, row.media_type) })
