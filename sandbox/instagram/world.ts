import type { Variant } from './ids.ts'
import type { WorldOptions } from './options.ts'

export type Status = 'public' | 'private' | 'gone'
export type AddedPost = { at: number; what: 'post' | 'reel' | 'clip' }
export type AddedComment = { at: number; text: string | null }

/** What became of a profile after the world was made; everything else is computed. */
export type ProfileChanges = {
  status?: Status
  username?: string
  fullName?: string
  biography?: string
  posts: AddedPost[]
  /** Moments of the stories that came, in unix seconds. */
  stories: number[]
  /** How many came; and the positions of those who left. */
  followers: number
  lostFollowers: Set<number>
  /** pk of what was deleted. */
  deleted: Set<string>
  /** How many of them stood in the feed. */
  deletedFromFeed: number
}

export type MediaChanges = {
  caption?: string
  likeCount?: number
  playCount?: number
  commentsOff?: boolean
  likers: number
  comments: AddedComment[]
  /** Positions of top-level comments. */
  deletedComments: Set<number>
  /** Moments of the replies that came, by the position of their comment. */
  replies: Map<number, number[]>
}

/**
 * The world: what it is computed from, and what has been changed since. Sizes don't matter, changes
 * do.
 */
export type World = {
  readonly options: WorldOptions
  /** Profiles and crowd: users are numbered from 0, profiles first. */
  readonly users: number
  profiles: Map<number, ProfileChanges>
  /** By pk. */
  media: Map<string, MediaChanges>
  /** Numbers of those who got another name by a change. */
  renamed: Map<string, number>
  /** How many changes were made: each is a second later than the one before. */
  changes: number
}

export function createWorld(options: WorldOptions): World {
  return {
    options,
    users: options.profiles + options.crowd,
    profiles: new Map(),
    media: new Map(),
    renamed: new Map(),
    changes: 0,
  }
}

export function changesOfProfile(world: World, user: number): ProfileChanges {
  const known = world.profiles.get(user)
  if (known !== undefined) return known
  const none: ProfileChanges = {
    posts: [],
    stories: [],
    followers: 0,
    lostFollowers: new Set(),
    deleted: new Set(),
    deletedFromFeed: 0,
  }
  world.profiles.set(user, none)
  return none
}

export function changesOfMedia(world: World, pk: string): MediaChanges {
  const known = world.media.get(pk)
  if (known !== undefined) return known
  const none: MediaChanges = {
    likers: 0,
    comments: [],
    deletedComments: new Set(),
    replies: new Map(),
  }
  world.media.set(pk, none)
  return none
}

export const variant = { feed: 0, clips: 1, story: 2, highlight: 3 } as const satisfies Record<
  string,
  Variant
>
