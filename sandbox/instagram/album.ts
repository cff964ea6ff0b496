import { roll, share } from './hash.ts'
import { childPk } from './ids.ts'
import type { Media } from './media.ts'

export type Child = { pk: string; isVideo: boolean }

/** Two to ten of an album, one in five a film. */
export function children({ pk, hash }: Media): Child[] {
  return Array.from({ length: 2 + Math.floor(share(hash, 102) ** 2 * 9) }, (_, n) => ({
    pk: childPk(pk, n),
    isVideo: roll(hash, 103 + n, 5) === 0,
  }))
}
