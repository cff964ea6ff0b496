import type { GraphToken } from '../options.ts'
import { type Profile, profileOf } from '../users.ts'
import type { World } from '../world.ts'

/** Only professional accounts exist for the official API (upstreams/instagram.md, 1). */
export const isProfessional = ({ status, accountType }: Profile): boolean =>
  status === 'public' && accountType !== 1

/** Numbers of the accounts that a token may read as its own. */
export function ownedBy(world: World, token: GraphToken): readonly number[] {
  return token.owns ?? [firstFitting(world)]
}

function firstFitting(world: World): number {
  for (let user = 0; user < Math.min(world.options.profiles, 1000); user++) {
    const profile = profileOf(world, user)
    if (isProfessional(profile) && profile.basePosts > 0) return user
  }
  return 0
}
