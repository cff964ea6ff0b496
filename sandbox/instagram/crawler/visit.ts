import type { InstagramFault } from '../faults.ts'
import type { InstagramSettings } from '../options.ts'
import type { TellId } from '../raw-number.ts'
import type { Sign } from '../signed.ts'
import type { World } from '../world.ts'

/** What an endpoint sees of a request that got past key, limit and balance. */
export type Visit = {
  world: World
  settings: InstagramSettings
  params: URLSearchParams
  /** Unix seconds. */
  now: number
  sign: Sign
  /** How ids of this answer are told. */
  tell: TellId
  /** Faults that the endpoint itself has to show. */
  taken: readonly InstagramFault[]
}
