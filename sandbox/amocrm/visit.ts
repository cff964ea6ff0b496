import type { Fault } from '../faults/fault-schema.ts'
import type { Ask } from '../upstream.ts'
import type { AmocrmSettings } from './options.ts'
import type { World } from './world.ts'

/** What an endpoint sees of a request that got past the gate and the token. */
export type Visit = {
  ask: Ask
  world: World
  settings: AmocrmSettings
  /** Faults that the endpoint itself has to show. */
  quirks: ReadonlySet<Fault['kind']>
}
