import { drawAmount, type ReadAmount } from './amounts.ts'
import { hashOf, realm } from './hash.ts'
import { type Person, personOf, type Profile } from './users.ts'
import type { World } from './world.ts'

export type PeopleKind = 'followers' | 'following'

/** Positions in a list of people, the newest first; `below` is exclusive, null = from the top. */
export function* positions(
  world: World,
  profile: Profile,
  kind: PeopleKind,
  below: number | null,
): Generator<number> {
  const changed = world.profiles.get(profile.user)
  const isIn = (n: number) => kind === 'following' || changed?.lostFollowers.has(n) !== true
  const total = peopleTotal(world, profile, kind)
  for (let n = Math.min(below ?? total, total) - 1; n >= 0; n--) if (isIn(n)) yield n
}

/** Everyone who ever stood in the list. */
export function peopleTotal(world: World, profile: Profile, kind: PeopleKind): number {
  if (kind === 'following') return profile.followingCount
  const lost = world.profiles.get(profile.user)?.lostFollowers.size ?? 0
  return profile.followerCount + lost
}

/** Nobody twice in a list and never the profile itself. */
export function personAt(world: World, profile: Profile, kind: PeopleKind, position: number) {
  const hash = hashOf(world.options.seed, realm.people, profile.user, kind === 'followers' ? 1 : 2)
  return personOf(world, (profile.user + (position + 1) * stride(hash, world.users)) % world.users)
}

/** Those who like a medium, as one list; more users may have liked it than are listed. */
export function likersOf(world: World, mediaHash: number, user: number, count: number): Person[] {
  const step = stride(mediaHash, world.users)
  const first = user + (mediaHash % 1000)
  return Array.from({ length: Math.min(count, world.users) }, (_, n) =>
    personOf(world, (first + n * step) % world.users),
  )
}

export function likersCount(amount: ReadAmount, hash: number): number {
  return drawAmount(amount, hash, 50)
}

/** Steps of this length come to every user before they come back. */
function stride(hash: number, users: number): number {
  // Small enough that (position + 1) * stride stays exact.
  let step = 1 + (hash % Math.min(users, 100_000))
  while (commonDivisor(step, users) !== 1) step++
  return step
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b)
}
