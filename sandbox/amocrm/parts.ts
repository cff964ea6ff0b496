import { createChangeScripts } from '../change-scripts.ts'
import { createFaultBox } from '../faults/fault-box.ts'
import type { Fault } from '../faults/fault-schema.ts'
import { applyChange } from './apply-change.ts'
import { createGate } from './gate.ts'
import { generateWorld } from './generate-world.ts'
import { type AmocrmOptions, type AmocrmSettings, settingsSchema } from './options.ts'

/** All that amoCRM is made of while it runs; requests and admin calls work on the same. */
export type AmocrmParts = ReturnType<typeof createParts>

export function createParts(options: AmocrmOptions) {
  return {
    options,
    settings: settingsOf(options),
    world: generateWorld(options),
    gate: createGate(),
    faults: createFaultBox<Fault>(),
    scripts: createChangeScripts(applyChange),
  }
}

/** The time that changes are stamped with, in unix seconds. */
export function clockOf({ settings }: AmocrmParts): number {
  return settings.clock ?? Math.floor(Date.now() / 1000)
}

export function shownSettings({ settings, gate, options }: AmocrmParts): Record<string, unknown> {
  const { token: _, moreTokens, ...shown } = settings
  const { companies, contacts, seed, now } = options
  return {
    ...shown,
    integrations: moreTokens.length + 1,
    blocked: gate.isBlocked(),
    world: { companies, contacts, seed, now },
  }
}

/** The settings that the options started with. */
export function settingsOf(options: AmocrmOptions): AmocrmSettings {
  const { companies: _, contacts: _c, seed: _s, now: _n, ...settings } = options
  return settingsSchema.parse(settings)
}
