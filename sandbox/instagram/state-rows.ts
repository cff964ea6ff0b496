import type { Comment } from './comments.ts'
import { graphMediaId, graphUserId } from './ids.ts'
import { type Media, mediaType, productType } from './media.ts'
import { captionOf, commentCounts, commentsOff, likesHidden, shortcode } from './post-facts.ts'
import { likeCountOf, playCountOf } from './metrics.ts'
import type { Highlight } from './stories.ts'
import type { Person, Profile } from './users.ts'
import type { World } from './world.ts'

/** Ids are strings, moments unix seconds. */
export function tellProfile(world: World, profile: Profile) {
  const { pk, username, formerUsername, status, accountType } = profile
  return {
    kind: 'profiles',
    pk,
    graph_id: graphUserId(world.options.seed, profile.user),
    number: profile.user,
    username,
    former_username: formerUsername,
    status,
    account_type: accountType,
    full_name: profile.fullName,
    biography: profile.biography,
    media_count: profile.mediaCount,
    follower_count: profile.followerCount,
    following_count: profile.followingCount,
  }
}

export function tellPost(world: World, media: Media, pinned: ReadonlySet<number>) {
  const { pk, profile, kind } = media
  return {
    kind: 'posts',
    pk,
    graph_id: graphMediaId(pk),
    code: shortcode(media),
    user_pk: profile.pk,
    username: profile.username,
    media_type: mediaType(media),
    product_type: productType(media),
    taken_at: media.takenAt,
    in_feed: kind !== 'clip',
    in_clips: kind === 'clip' || kind === 'reel',
    is_trial: media.isTrial,
    is_pinned: media.variant === 0 && pinned.has(media.slot),
    caption_text: captionOf(world, media),
    like_count: likeCountOf(world, media),
    likes_hidden: likesHidden(media),
    play_count: playCountOf(world, media),
    comment_count: commentCounts(world, media).all,
    top_level_comments: commentCounts(world, media).top,
    comments_disabled: commentsOff(world, media),
  }
}

export function tellComment(media: Media, comment: Comment, parent: Comment | null) {
  return {
    kind: 'comments',
    pk: comment.pk,
    media_pk: media.pk,
    parent_pk: parent?.pk ?? null,
    user_pk: comment.author.pk,
    username: comment.author.username,
    text: comment.text,
    created_at: comment.createdAt,
    like_count: comment.likeCount,
  }
}

/** `of_pk`: the medium that is liked, the profile that is followed or follows. */
export function tellRelation(kind: string, ofPk: string, { pk, username }: Person) {
  return { kind, of_pk: ofPk, user_pk: pk, username }
}

export function tellStory(story: Media) {
  const { pk, profile, takenAt } = story
  return {
    kind: 'stories',
    pk,
    user_pk: profile.pk,
    media_type: mediaType(story),
    taken_at: takenAt,
  }
}

export function tellHighlight({ pk, title, profile, items }: Highlight) {
  const itemPks = items.map((item) => item.pk)
  return { kind: 'highlights', pk, user_pk: profile.pk, title, item_pks: itemPks }
}
