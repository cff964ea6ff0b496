import type { Settings } from '../../../../settings.ts'
import type { HttpClient } from '../../http-client.ts'
import * as entities from '../entities.ts'
import { notGiven, operationOf } from '../operation.ts'
import type { InstagramRoute } from '../route.ts'
import { type CommentsCursor, commentsPage, commentsSeed } from './comments.ts'
import { type FeedCursor, feedPage, postsSeed, reelsSeed } from './feed.ts'
import { type HighlightCursor, highlightItemsPage, highlightsPage } from './highlights.ts'
import { type LikersCursor, likersPage, likersSeed } from './likers.ts'
import { type PeopleCursor, peoplePage, peopleSeed } from './people.ts'
import { type PostsByIdCursor, postByIdPage, postsByIdSeeds } from './posts-by-id.ts'
import { type ProfileCursor, profilePage, profileSeed } from './profile.ts'
import { type RepliesCursor, repliesPage } from './replies.ts'
import { type OfProfileCursor, ofProfileSeed, storiesPage } from './stories.ts'
import { openCrawler } from './upstream.ts'

const noInsights = 'the crawler API gives no insights'

/** Instagram by the crawler API: any public account, everything but insights (upstreams/instagram.md, 1). */
export function crawlerRoute(http: HttpClient, settings: Settings): InstagramRoute {
  const crawler = openCrawler(http, settings)
  const { profiles, posts, comments, likes, follows, highlights, highlightItems } = entities
  return {
    route: 'crawler',
    account: crawler.account,
    profile: {
      operation: operationOf('profile', profiles, (cursor: ProfileCursor, tools) =>
        profilePage(crawler, cursor, tools),
      ),
      seed: profileSeed,
    },
    profileById: {
      operation: operationOf('profileById', profiles, (cursor: ProfileCursor, tools) =>
        profilePage(crawler, cursor, tools),
      ),
      seed: ({ externalId }) => ({ subject: externalId, cursor: { by: 'id', externalId } }),
    },
    posts: {
      operation: operationOf('posts', posts, (cursor: FeedCursor, tools) =>
        feedPage(crawler, 'posts', cursor, tools),
      ),
      seed: postsSeed,
    },
    reels: {
      operation: operationOf('reels', posts, (cursor: FeedCursor, tools) =>
        feedPage(crawler, 'reels', cursor, tools),
      ),
      seed: reelsSeed,
    },
    postsById: {
      operation: operationOf('postsById', posts, (cursor: PostsByIdCursor, tools) =>
        postByIdPage(crawler, cursor, tools),
      ),
      seeds: postsByIdSeeds,
    },
    comments: {
      operation: operationOf('comments', comments, (cursor: CommentsCursor, tools) =>
        commentsPage(crawler, cursor, tools),
      ),
      seed: commentsSeed,
    },
    replies: {
      operation: operationOf('replies', comments, (cursor: RepliesCursor, tools) =>
        repliesPage(crawler, cursor, tools),
      ),
    },
    likers: {
      operation: operationOf('likers', likes, (cursor: LikersCursor, tools) =>
        likersPage(crawler, cursor, tools),
      ),
      seed: likersSeed,
    },
    followers: {
      operation: operationOf('followers', follows, (cursor: PeopleCursor, tools) =>
        peoplePage(crawler, 'followers', cursor, tools),
      ),
      seed: peopleSeed,
    },
    following: {
      operation: operationOf('following', follows, (cursor: PeopleCursor, tools) =>
        peoplePage(crawler, 'following', cursor, tools),
      ),
      seed: peopleSeed,
    },
    stories: {
      operation: operationOf('stories', posts, (cursor: OfProfileCursor, tools) =>
        storiesPage(crawler, cursor, tools),
      ),
      seed: ofProfileSeed,
    },
    highlights: {
      operation: operationOf('highlights', highlights, (cursor: OfProfileCursor, tools) =>
        highlightsPage(crawler, cursor, tools),
      ),
      seed: ofProfileSeed,
    },
    highlightItems: {
      operation: operationOf('highlightItems', highlightItems, (cursor: HighlightCursor, tools) =>
        highlightItemsPage(crawler, cursor, tools),
      ),
    },
    postInsights: notGiven('postInsights', entities.postInsights, noInsights),
    profileInsights: notGiven('profileInsights', entities.profileInsights, noInsights),
  }
}
