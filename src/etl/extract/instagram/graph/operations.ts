import type { Settings } from '../../../../settings.ts'
import type { HttpClient } from '../../http-client.ts'
import * as entities from '../entities.ts'
import { notGiven, operationOf } from '../operation.ts'
import type { InstagramRoute } from '../route.ts'
import { type CommentsCursor, commentsPage, commentsSeed } from './comments.ts'
import {
  type InsightsCursor,
  postInsightsPage,
  postInsightsSeed,
  profileInsightsPage,
} from './insights.ts'
import { type MediaCursor, mediaPage, mediaSeed } from './media.ts'
import { type PostsByIdCursor, postByIdPage, postsByIdSeeds } from './posts-by-id.ts'
import { type ProfileCursor, profilePage, profileSeed } from './profile.ts'
import { type RepliesCursor, repliesPage } from './replies.ts'
import { type OfProfileCursor, ofProfileSeed, storiesPage } from './stories.ts'
import { openGraph } from './upstream.ts'

/** Instagram by the official API: everything it has of one's own accounts, profile and posts of other professional ones (upstreams/instagram.md, 1). */
export function graphRoute(http: HttpClient, settings: Settings): InstagramRoute {
  const graph = openGraph(http, settings)
  const { profiles, posts, comments, likes, follows, highlights, highlightItems } = entities
  return {
    route: 'graph',
    account: graph.account,
    profile: {
      operation: operationOf('profile', profiles, (cursor: ProfileCursor, tools) =>
        profilePage(graph, cursor, tools),
      ),
      seed: profileSeed,
    },
    profileById: notGiven(
      'profileById',
      profiles,
      'the official API finds other accounts by their names only',
    ),
    posts: {
      operation: operationOf('posts', posts, (cursor: MediaCursor, tools) =>
        mediaPage(graph, cursor, tools),
      ),
      seed: mediaSeed,
    },
    reels: notGiven('reels', posts, 'the official API has the reels among the posts'),
    postsById: {
      operation: operationOf('postsById', posts, (cursor: PostsByIdCursor, tools) =>
        postByIdPage(graph, cursor, tools),
      ),
      seeds: postsByIdSeeds,
    },
    comments: {
      operation: operationOf('comments', comments, (cursor: CommentsCursor, tools) =>
        commentsPage(graph, cursor, tools),
      ),
      seed: commentsSeed,
    },
    replies: {
      operation: operationOf('replies', comments, (cursor: RepliesCursor, tools) =>
        repliesPage(graph, cursor, tools),
      ),
    },
    likers: notGiven('likers', likes, 'the official API counts likes and does not tell whose'),
    followers: notGiven('followers', follows, 'the official API gives no followers'),
    following: notGiven('following', follows, 'the official API does not tell who is followed'),
    stories: {
      operation: operationOf('stories', posts, (cursor: OfProfileCursor, tools) =>
        storiesPage(graph, cursor, tools),
      ),
      seed: ofProfileSeed,
    },
    highlights: notGiven('highlights', highlights, 'the official API gives no highlights'),
    highlightItems: notGiven(
      'highlightItems',
      highlightItems,
      'the official API gives no highlights',
    ),
    postInsights: {
      operation: operationOf(
        'postInsights',
        entities.postInsights,
        (cursor: InsightsCursor, tools) => postInsightsPage(graph, cursor, tools),
      ),
      seed: postInsightsSeed,
    },
    profileInsights: {
      operation: operationOf(
        'profileInsights',
        entities.profileInsights,
        (cursor: OfProfileCursor, tools) => profileInsightsPage(graph, cursor, tools),
      ),
      seed: ofProfileSeed,
    },
  }
}
