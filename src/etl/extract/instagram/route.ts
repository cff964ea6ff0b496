import type { Seed } from '../../../db/service-calls.ts'
import type { Entity, Operation } from '../../stream.ts'
import type {
  comments,
  follows,
  highlightItems,
  highlights,
  likes,
  postInsights,
  posts,
  profileInsights,
  profiles,
} from './entities.ts'

type RowOf<Kind> = Kind extends Entity<infer Row> ? Row : never
/** A stream's first cursor and subject; whoever runs the operation names it. */
export type StreamSeed = Omit<Seed, 'operation'>

/** One part of a profile: how it is read, and where a stream of it begins. Cursors are the route's own affair. */
export interface Part<Of, Row> {
  operation: Operation<unknown, Row>
  seed(of: Of): StreamSeed
}

export interface ProfileAsked {
  username: string
  /** What an earlier read found it under: a renamed profile is found by it, and a stranger who took the name is not taken for it. */
  externalId?: string | undefined
}

export interface ProfileRead {
  externalId: string
  username: string
  /** False where the profile has just been read and is public: spares the upstream a look, and a request's price. */
  isPrivate?: boolean | undefined
}

export interface FeedAsked extends ProfileRead {
  /** Posts before this time (ISO 8601) are known: the stream ends where the list, newest first, has passed it. Default: the whole list. */
  since?: string | undefined
  /**
   * End at a page that changes nothing as well. Only where the last read of this list came to its end: what a broken one left
   * out lies below what it wrote. Nothing ends a list of reels so. Default: false.
   */
  untilUnchanged?: boolean | undefined
}

export interface PostRead {
  externalId: string
  shortcode: string | null
  /** What the official API knows the post by. Where that met it first, it is the external id too, and the crawler asks by what the shortcode says. */
  graphId?: string | null | undefined
  /** Whose it is: spares the official API's refusal where that is nobody of one's own. */
  username?: string | undefined
}

export interface CommentsAsked extends PostRead {
  /** Read before: ends at a page that brings nothing new. Default: false. */
  known?: boolean | undefined
  /** Open a stream of replies for each comment that has some. Default: false. */
  replies?: boolean | undefined
}

/**
 * Every part of a profile, by one way to Instagram. What a route cannot give is an operation all the same: its streams end as
 * skipped, with the reason. The same names and subjects in both: the external id of the profile or post a stream is of.
 */
export interface InstagramRoute {
  route: 'crawler' | 'graph'
  /** Quota and breaker go by this. */
  account: string
  /** Subject: the username. */
  profile: Part<ProfileAsked, RowOf<typeof profiles>>
  profileById: Part<Pick<ProfileRead, 'externalId'>, RowOf<typeof profiles>>
  posts: Part<FeedAsked, RowOf<typeof posts>>
  reels: Part<FeedAsked, RowOf<typeof posts>>
  /** Posts one by one, to see what is gone: their ids come as `absent`. A stream per hundred. */
  postsById: Omit<Part<never, RowOf<typeof posts>>, 'seed'> & {
    seeds(profile: ProfileRead, posts: readonly PostRead[]): StreamSeed[]
  }
  comments: Part<CommentsAsked, RowOf<typeof comments>>
  /** Streams of it are opened by comments; subject: the comment's id. */
  replies: Pick<Part<never, RowOf<typeof comments>>, 'operation'>
  likers: Part<PostRead, RowOf<typeof likes>>
  followers: Part<ProfileRead, RowOf<typeof follows>>
  following: Part<ProfileRead, RowOf<typeof follows>>
  stories: Part<ProfileRead, RowOf<typeof posts>>
  /** Opens a stream of items for each highlight. */
  highlights: Part<ProfileRead, RowOf<typeof highlights>>
  /** Subject: the highlight's id. */
  highlightItems: Pick<Part<never, RowOf<typeof highlightItems>>, 'operation'>
  postInsights: Part<PostRead & { kind: string }, RowOf<typeof postInsights>>
  profileInsights: Part<ProfileRead, RowOf<typeof profileInsights>>
}

/** What each part's streams are called in the ledger. */
export const operationNames = {
  profile: 'profile',
  profileById: 'profile_by_id',
  posts: 'posts',
  reels: 'reels',
  postsById: 'posts_by_id',
  comments: 'comments',
  replies: 'replies',
  likers: 'likers',
  followers: 'followers',
  following: 'following',
  stories: 'stories',
  highlights: 'highlights',
  highlightItems: 'highlight_items',
  postInsights: 'insights',
  profileInsights: 'profile_insights',
} as const satisfies Record<Exclude<keyof InstagramRoute, 'route' | 'account'>, string>
