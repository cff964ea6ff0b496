import { createFaultBox } from '../faults/fault-box.ts'
import { createSlidingWindow } from '../sliding-window.ts'
import { createClock } from './clock.ts'
import { type ItemFate, type JobFate, replacingKinds, type RequestFault } from './faults.ts'
import type { Job } from './job.ts'
import { openJobFile } from './job-file.ts'
import type { Kind } from './job-request.ts'
import type { FetchMedia } from './media-fetcher.ts'
import { type AnalysisOptions, type AnalysisSettings, settingsSchema } from './options.ts'
import { createPollBook } from './poll-book.ts'
import { createTallies } from './tallies.ts'

/** Jobs keep what they were asked: `body` is what a second request with the key is compared with. */
export type KnownKey = { job: Job; body: string }

/** All that one of the two services is made of while it runs; requests and admin calls work on the same. */
export type AnalysisParts = ReturnType<typeof createParts>

export function createParts(
  kind: Exclude<Kind, 'video'>,
  options: AnalysisOptions,
  fetchMedia: FetchMedia,
) {
  return {
    kind,
    options,
    seed: options.seed,
    settings: settingsOf(options),
    fetchMedia,
    file: openJobFile(options.file),
    clock: createClock(),
    second: createSlidingWindow(1000),
    jobs: new Map<string, Job>(),
    /** Those that have not ended. */
    open: new Set<Job>(),
    keys: new Map<string, KnownKey>(),
    tallies: createTallies(),
    polls: createPollBook(),
    faults: createFaultBox<RequestFault>(replacingKinds),
    jobFates: createFaultBox<JobFate>(),
    itemFates: createFaultBox<ItemFate>(),
  }
}

export function settingsOf(options: AnalysisOptions): AnalysisSettings {
  const { seed: _, file: _f, ...settings } = options
  return settingsSchema.parse(settings)
}

/** No keys. */
export function shownSettings(parts: AnalysisParts): Record<string, unknown> {
  const { key: _, scopedKeys, ...shown } = parts.settings
  return {
    ...shown,
    scopedKeys: scopedKeys.length,
    seed: parts.seed,
    clockAheadSeconds: parts.clock.aheadSeconds(),
    jobs: parts.jobs.size,
    open: parts.open.size,
  }
}
