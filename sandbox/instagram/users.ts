import { drawAmount, type ReadAmount } from './amounts.ts'
import { hashOf, realm, roll } from './hash.ts'
import { userPk } from './ids.ts'
import { biography, fullName, inventedUsername } from './words.ts'
import type { Status, World } from './world.ts'

/** What anyone who comments or follows is told by. */
export type Person = { user: number; hash: number; pk: string; username: string; fullName: string }

export function personOf(world: World, user: number): Person {
  const hash = hashOf(world.options.seed, realm.user, user)
  const changed = world.profiles.get(user)
  return {
    user,
    hash,
    pk: userPk(world.options.seed, user),
    username: changed?.username ?? firstUsername(world, user, hash),
    fullName: changed?.fullName ?? fullName(hash),
  }
}

export const isVerified = ({ hash }: Person): boolean => hash % 20 === 0

export type Profile = Person & {
  status: Status
  /** 1 personal, 2 business, 3 creator. */
  accountType: 1 | 2 | 3
  /** The name it had before it was renamed; asking for it is a 404. */
  formerUsername: string | null
  biography: string
  /** Posts the world was made with; those that came later have the slots after. */
  basePosts: number
  /** Seconds between two of its posts, about. */
  stepSeconds: number
  /** Slots in all, deleted ones included. */
  slots: number
  /** Posts in the feed now. */
  mediaCount: number
  followerCount: number
  followingCount: number
}

export function profileOf(world: World, user: number): Profile {
  const person = personOf(world, user)
  const { hash } = person
  const { options } = world
  const changed = world.profiles.get(user)
  const basePosts = basePostsOf(world, user, hash)
  const added = changed?.posts ?? []
  const addedToFeed = added.filter(({ what }) => what !== 'clip').length
  const follows = (amount: ReadAmount, salt: number) =>
    Math.min(world.users - 1, user < options.profiles ? drawAmount(amount, hash, salt) : 0)
  const lost = changed?.lostFollowers.size ?? 0
  return {
    ...person,
    status: statusOf(world, user),
    accountType: accountType(world, user, hash),
    formerUsername: formerUsername(world, person),
    biography: changed?.biography ?? biography(hash, personOf(world, hash % world.users).username),
    basePosts,
    stepSeconds: stepSeconds(hash, basePosts),
    slots: basePosts + added.length,
    mediaCount: basePosts + addedToFeed - (changed?.deletedFromFeed ?? 0),
    followerCount: follows(options.followers, 34) + (changed?.followers ?? 0) - lost,
    followingCount: follows(options.following, 36),
  }
}

export function statusOf(world: World, user: number): Status {
  return world.profiles.get(user)?.status ?? firstStatus(world, user)
}

/** The user of that name now; null for names nobody has any more. */
export function userOfUsername(world: World, username: string): number | null {
  const renamed = world.renamed.get(username)
  const match = /_([0-9a-z]{1,6})$/.exec(username)
  const user = renamed ?? (match === null ? -1 : Number.parseInt(match[1] ?? '', 36))
  if (user < 0 || user >= world.users) return null
  return personOf(world, user).username === username ? user : null
}

export const isGiant = (world: World, user: number): boolean =>
  user === 0 && world.options.giant !== null

function basePostsOf(world: World, user: number, hash: number): number {
  const { giant, postsPerProfile, profiles } = world.options
  if (giant !== null && user === 0) return giant.posts
  return user < profiles ? Math.min(250_000, drawAmount(postsPerProfile, hash, 30)) : 0
}

/** Between four hours and four days, and all of them within eleven years. */
function stepSeconds(hash: number, posts: number): number {
  const usual = 14_400 + roll(hash, 32, 345_600 - 14_400)
  return Math.min(usual, Math.floor(346_896_000 / Math.max(1, posts)))
}

/** Any hundred profiles in a row hold each kind as often as its percentage says. */
const percentile = (user: number): number => (user * 61 + 17) % 100

function firstStatus(world: World, user: number): Status {
  const { privatePercent, gonePercent, profiles } = world.options
  if (isGiant(world, user)) return 'public'
  const place = percentile(user)
  if (place < privatePercent) return 'private'
  return user < profiles && place < privatePercent + gonePercent ? 'gone' : 'public'
}

function wasRenamed(world: World, user: number): boolean {
  const { renamedPercent, profiles } = world.options
  return user < profiles && !isGiant(world, user) && 99 - percentile(user) < renamedPercent
}

function firstUsername(world: World, user: number, hash: number): string {
  if (isGiant(world, user)) return 'giant.archive_0'
  const invented = inventedUsername(hash, user)
  return wasRenamed(world, user) ? `the.${invented}` : invented
}

function formerUsername(world: World, { user, hash, username }: Person): string | null {
  const first = firstUsername(world, user, hash)
  if (first !== username) return first
  return wasRenamed(world, user) ? inventedUsername(hash, user) : null
}

function accountType(world: World, user: number, hash: number): 1 | 2 | 3 {
  if (isGiant(world, user)) return 2
  const place = roll(hash, 38, 10)
  if (place < 2 || firstStatus(world, user) === 'private') return 1
  return place < 7 ? 2 : 3
}
