import { createFaultBox } from '../faults/fault-box.ts'
import type { Fault } from '../faults/fault-schema.ts'
import { type ApolloOptions, type ApolloSettings, settingsSchema } from './options.ts'
import { createWindows } from './windows.ts'

/** All that Apollo is made of while it runs; requests and admin calls work on the same. */
export type ApolloParts = ReturnType<typeof createParts>

export function createParts(options: ApolloOptions) {
  return {
    options,
    settings: settingsOf(options),
    windows: newWindows(),
    account: { creditsSpent: 0 },
    /** For what is to differ from request to request. */
    visits: { searches: 0, latencies: 0 },
    /** Who was found, by filters; least recently asked first. */
    searches: new Map<string, Uint32Array>(),
    faults: createFaultBox<Fault>(),
  }
}

/** Each endpoint has windows of its own. */
export function newWindows() {
  return { search: createWindows(), bulk: createWindows() }
}

export function shownSettings({
  settings,
  options,
  account,
  windows,
}: ApolloParts): Record<string, unknown> {
  const { key: _, scopedKeys, ...shown } = settings
  return {
    ...shown,
    scopedKeys: scopedKeys.length,
    creditsSpent: account.creditsSpent,
    used: { search: windows.search.used(), bulk: windows.bulk.used() },
    directory: { people: options.people, seed: options.seed },
  }
}

/** The settings that the options started with. */
export function settingsOf(options: ApolloOptions): ApolloSettings {
  const { people: _, seed: _s, ...settings } = options
  return settingsSchema.parse(settings)
}
