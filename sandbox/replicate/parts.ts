import { createClock } from '../analysis/clock.ts'
import { replacingKinds, type RequestFault } from '../analysis/faults.ts'
import type { FetchMedia } from '../analysis/media-fetcher.ts'
import { createPollBook } from '../analysis/poll-book.ts'
import { createTallies } from '../analysis/tallies.ts'
import { createFaultBox } from '../faults/fault-box.ts'
import { createSlidingWindow } from '../sliding-window.ts'
import type { Fate } from './faults.ts'
import { type ReplicateOptions, type ReplicateSettings, settingsSchema } from './options.ts'
import type { Prediction } from './prediction.ts'

/** All that Replicate is made of while it runs; requests and admin calls work on the same. */
export type ReplicateParts = ReturnType<typeof createParts>

export function createParts(options: ReplicateOptions, fetchMedia: FetchMedia) {
  const settings = settingsOf(options)
  return {
    options,
    seed: options.seed,
    settings,
    fetchMedia,
    clock: createClock(),
    windows: newWindows(settings),
    /** The oldest first. */
    predictions: new Map<string, Prediction>(),
    /** Those that have not ended. */
    open: new Set<Prediction>(),
    tallies: createTallies(),
    polls: createPollBook(),
    faults: createFaultBox<RequestFault>(replacingKinds),
    fates: createFaultBox<Fate>(),
  }
}

export function newWindows({ windowMs }: ReplicateSettings) {
  return { creates: createSlidingWindow(windowMs), others: createSlidingWindow(windowMs) }
}

export function settingsOf(options: ReplicateOptions): ReplicateSettings {
  const { seed: _, ...settings } = options
  return settingsSchema.parse(settings)
}

/** No token. */
export function shownSettings(parts: ReplicateParts): Record<string, unknown> {
  const { token: _, ...shown } = parts.settings
  return {
    ...shown,
    seed: parts.seed,
    clockAheadSeconds: parts.clock.aheadSeconds(),
    predictions: parts.predictions.size,
    open: parts.open.size,
  }
}
