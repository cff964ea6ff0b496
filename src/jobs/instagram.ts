import { createHash } from 'node:crypto'
import { sayNotAnalysed } from '../etl/extract/analysis/open-services.ts'
import { defineJob } from './job.ts'
import { instagramChecks } from './instagram-checks.ts'
import { dueProfiles, namesToRead } from './instagram-due.ts'
import { defaultParts, type InstagramParams, instagramParams } from './instagram-params.ts'
import { instagramBatch } from './instagram-batch.ts'

/** Profiles in a batch. */
const batchSize = 100

export const instagram = defineJob<InstagramParams>({
  name: 'instagram',
  title:
    'Instagram profiles: posts, comments, reels, stories, highlights, each from where it was read to',
  params: instagramParams,
  schedule: '0 3 * * *',
  needs: ['INSTAGRAM_BASE_URL', 'INSTAGRAM_ACCESS_KEY'],
  subject: ({ usernames }) =>
    usernames ? `${usernames.length} profiles ${digest(usernames)}` : '',
  checks: instagramChecks,
  // Hundreds of profiles, with all their comments, take some hours.
  lateAfterMs: 6 * 3_600_000,

  async plan({ db, settings }, params) {
    const names = params.usernames ?? (await dueProfiles(db))
    const read = params.parts ?? defaultParts(settings)
    const requests = read.map((operation) => ({
      operation,
      count: operation === 'profile' ? names.length : ('unknown' as const),
      why: operation === 'profile' ? 'one a profile' : 'what changed since the last time',
    }))
    return { requests, credits: 0 }
  },

  /** Hands the profiles out in batches, each with a call per profile under it: the last to end ends them all. */
  async run(run) {
    const { usernames, ...howToRead } = run.params
    const names = [...new Set(usernames ?? (await namesToRead(run.db, run.call.id)))]
    const count = Math.ceil(names.length / batchSize)
    const batches = Array.from({ length: count }, (_, n) => ({
      job: instagramBatch.name,
      subject: `${n + 1} of ${count}`,
      params: { usernames: names.slice(n * batchSize, (n + 1) * batchSize), ...howToRead },
    }))
    await run.children(batches)
    const without = sayNotAnalysed(run.settings)
    const notAnalysed = without.length > 0 && { not_analysed: without }
    if (names.length > 0) return { profiles: names.length, of: 'profiles', ...notAnalysed }
    return { profiles: 0, why: 'no profile of public.tracked_profiles is due' }
  },
})

const digest = (names: readonly string[]) =>
  createHash('sha256').update(names.toSorted().join(',')).digest('hex').slice(0, 16)
