import { between, chance, type Random } from '../random.ts'

export type Moments = { createdAt: number; updatedAt: number }

const YEAR = 365 * 86_400

/** The share of contacts that a nightly import wrote in one second: 900 of 25,000. */
const IMPORT_SHARE = 0.036

/**
 * When each record was created and last updated, in unix seconds, oldest creation first. Updates
 * lie unevenly over the three years before `now`: denser towards the end, a quarter of them in
 * bursts of two hours, and with `nightlyImport` many in one and the same second.
 */
export function inventMoments(
  random: Random,
  count: number,
  now: number,
  nightlyImport: boolean,
): Moments[] {
  const age = () => Math.floor(3 * YEAR * random() ** 2.2)
  const bursts = Array.from({ length: 60 }, () => now - age())
  const imported = nightlyImport ? Math.round(count * IMPORT_SHARE) : 0
  const importedAt = Math.floor((now - 40 * 86_400) / 86_400) * 86_400 + 3 * 3600

  const moments = Array.from({ length: count }, (_, position): Moments => {
    let updatedAt = now - age()
    const burst = bursts[Math.floor(random() * bursts.length)]
    if (burst !== undefined && chance(random, 0.25)) {
      updatedAt = Math.min(now, burst + between(random, 0, 7200))
    }
    if (position < imported) updatedAt = importedAt
    // Some were never touched after they were created.
    const createdAt = chance(random, 0.2) ? updatedAt : updatedAt - between(random, 60, YEAR)
    return { createdAt, updatedAt }
  })
  return moments.toSorted((a, b) => a.createdAt - b.createdAt)
}
