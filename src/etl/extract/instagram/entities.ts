import { loadComments } from '../../load/instagram/comments.ts'
import { loadFollows } from '../../load/instagram/follows.ts'
import { loadHighlightItems, loadHighlights } from '../../load/instagram/highlights.ts'
import { loadPostInsights, loadProfileInsights } from '../../load/instagram/insights.ts'
import { loadLikes } from '../../load/instagram/likes.ts'
import { loadPosts } from '../../load/instagram/posts.ts'
import { loadProfiles } from '../../load/instagram/profiles.ts'
import type { Entity } from '../../stream.ts'
import { type CommentRow, toComment } from '../../transform/instagram/comment.ts'
import {
  type HighlightItemRow,
  type HighlightRow,
  toHighlight,
  toHighlightItem,
} from '../../transform/instagram/highlight.ts'
import * as ids from '../../transform/instagram/ids.ts'
import {
  type PostInsightsRow,
  type ProfileInsightsRow,
  toPostInsights,
  toProfileInsights,
} from '../../transform/instagram/insights.ts'
import { type FollowRow, type LikeRow, toFollow, toLike } from '../../transform/instagram/people.ts'
import { toPost } from '../../transform/instagram/post.ts'
import type { PostRow } from '../../transform/instagram/post-row.ts'
import { type ProfileRow, toProfile } from '../../transform/instagram/profile.ts'
import { withoutSignatures } from '../../transform/instagram/signatures.ts'
import { contentsOfPost } from '../../transform/instagram/post-contents.ts'

const common = {
  source: 'instagram',
  contentOf: withoutSignatures,
}

export const profiles: Entity<ProfileRow> = {
  ...common,
  entity: 'profiles',
  idOf: ids.instagramId,
  transform: toProfile,
  load: loadProfiles,
  contents: ({ bio }) => ({ texts: [bio] }),
}
/** Of the feed, of the reels and of the stories, by either route. */
export const posts: Entity<PostRow> = {
  ...common,
  entity: 'posts',
  idOf: ids.instagramId,
  transform: toPost,
  load: loadPosts,
  contents: contentsOfPost,
}
/** And their replies. */
export const comments: Entity<CommentRow> = {
  ...common,
  entity: 'comments',
  idOf: ids.instagramId,
  transform: toComment,
  load: loadComments,
  contents: ({ text }) => ({ texts: [text] }),
}
export const likes: Entity<LikeRow> = {
  ...common,
  entity: 'likes',
  idOf: ids.likeId,
  transform: toLike,
  load: loadLikes,
}
export const follows: Entity<FollowRow> = {
  ...common,
  entity: 'follows',
  idOf: ids.followId,
  transform: toFollow,
  load: loadFollows,
}
export const highlights: Entity<HighlightRow> = {
  ...common,
  entity: 'highlights',
  idOf: ids.instagramId,
  transform: toHighlight,
  load: loadHighlights,
}
/** Loaded as posts, each with its place in its highlight. */
export const highlightItems: Entity<HighlightItemRow> = {
  ...common,
  entity: 'highlight_items',
  idOf: ids.highlightItemId,
  transform: toHighlightItem,
  load: loadHighlightItems,
  contents: contentsOfPost,
}
export const postInsights: Entity<PostInsightsRow> = {
  ...common,
  entity: 'post_insights',
  idOf: ids.postInsightsId,
  transform: toPostInsights,
  load: loadPostInsights,
}
export const profileInsights: Entity<ProfileInsightsRow> = {
  ...common,
  entity: 'profile_insights',
  idOf: ids.profileInsightsId,
  transform: toProfileInsights,
  load: loadProfileInsights,
}
