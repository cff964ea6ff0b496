import { type ChangeScripts, createChangeScripts } from '../change-scripts.ts'
import { createFaultBox } from '../faults/fault-box.ts'
import { createSlidingWindow } from '../sliding-window.ts'
import { applyChange } from './apply-change.ts'
import type { Applied, Change } from './change-schema.ts'
import { type InstagramFault, replacingKinds } from './faults.ts'
import { createUsage } from './graph/usage.ts'
import {
  type InstagramOptions,
  type InstagramSettings,
  optionsSchema,
  settingsSchema,
  type WorldOptions,
} from './options.ts'
import type { MediaAddresses } from './signed.ts'
import { createWorld, type World } from './world.ts'

/** All that Instagram is made of while it runs; both routes and the admin work on the same. */
export type InstagramParts = ReturnType<typeof createParts>

export function createParts(given: InstagramOptions, addresses: MediaAddresses) {
  const options = optionsSchema.parse(given)
  // Each change of a batch has a moment of its own, so the batch's is not taken.
  const scripts: ChangeScripts<Change, Applied, World> = createChangeScripts(
    (world, change, random) => applyChange(world, change, random, clockOf(parts)),
  )
  const parts = {
    options,
    settings: settingsOf(options),
    addresses,
    world: createWorld(options),
    /** The crawler's second. */
    second: createSlidingWindow(1000),
    /** The official API's hours. */
    usage: createUsage(),
    faults: createFaultBox<InstagramFault>(replacingKinds),
    scripts,
  }
  return parts
}

/** The present of the world and the moment of the next change, in unix seconds. */
export function clockOf({
  settings,
  world,
}: {
  settings: InstagramSettings
  world: World
}): number {
  return settings.clock ?? world.options.now + world.changes
}

export function settingsOf(options: WorldOptions & InstagramSettings): InstagramSettings {
  return settingsSchema.parse(
    Object.fromEntries(Object.entries(options).filter(([name]) => name in settingsSchema.shape)),
  )
}

/** No key and no token. */
export function shownSettings({ settings, options }: InstagramParts): Record<string, unknown> {
  const { accessKey: _, graphTokens, ...shown } = settings
  const world = Object.entries(options).filter(([name]) => !(name in settingsSchema.shape))
  return {
    ...shown,
    graphTokens: graphTokens.map(({ owns, state }) => ({ owns, state })),
    world: Object.fromEntries(world),
  }
}
