import { chance, type Random } from '../random.ts'
import { setCompany, type World } from './world.ts'

/**
 * Gives 96 of 100 contacts a company. One company in twelve has nobody, and one has 25 times the
 * average: about 300 by default, more than a page holds.
 */
export function employ(random: Random, world: World): void {
  const companies = world.live.companies.byId
  const giant = Math.floor(companies.length * 0.6)
  let sum = 0
  const reached = companies.map((_, position) => {
    const weight = 0.4 - 0.6 * Math.log(1 - random())
    if (position === giant && companies.length >= 20) sum += 25
    else if (!chance(random, 1 / 12)) sum += weight
    return sum
  })
  for (const contact of world.live.contacts.byId) {
    if (chance(random, 0.04)) continue
    const at = random() * sum
    const company = companies[firstAbove(reached, at)]
    if (company !== undefined) setCompany(world, contact, company.id)
  }
}

function firstAbove(sums: readonly number[], value: number): number {
  let low = 0
  let high = sums.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sums[middle] ?? 0) > value) high = middle
    else low = middle + 1
  }
  return low
}
