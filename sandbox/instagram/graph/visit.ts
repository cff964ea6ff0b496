import type { InstagramFault } from '../faults.ts'
import type { GraphToken, InstagramSettings } from '../options.ts'
import type { Sign } from '../signed.ts'
import type { World } from '../world.ts'

/** What a node or edge sees of a request that got past token and limits. */
export type Visit = {
  world: World
  settings: InstagramSettings
  token: GraphToken
  params: URLSearchParams
  /** Unix seconds. */
  now: number
  sign: Sign
  /** `http://127.0.0.1:4010/graph/v25.0`: what links in the answer start with. */
  versionUrl: string
  taken: readonly InstagramFault[]
}
