import { z } from 'zod'
import { nextAnalysisMs } from '../db/analysis-due.ts'
import { Fault } from '../errors.ts'
import {
  configuredAccounts,
  configuredServices,
  openServices,
} from '../etl/extract/analysis/open-services.ts'
import type { AnalysisService } from '../etl/extract/analysis/service.ts'
import { pollAnalyses } from './analysis-poll.ts'
import { canReadAgain, readMediaAgain } from './analysis-read-again.ts'
import type { AnalysisRun } from './analysis-run.ts'
import { type RoundCursor, submitAnalyses } from './analysis-submit.ts'
import { wakeAnalysis } from './analysis-wake.ts'
import { defineJob, type Run } from './job.ts'

const pollParams = z.strictObject({
  seconds: z.number().min(0).max(3600).default(300).describe('how long it goes on at most'),
  deadlineMinutes: z.int().min(1).max(10_080).default(60).describe('until a job counts as expired'),
  maxAttempts: z.int().min(1).max(20).default(3).describe('how often a content is handed over'),
})
export type PollParams = z.output<typeof pollParams>

/**
 * Hands over what waits to be analysed, asks for what is out, and writes the results: as long as something is due or soon will be. What is
 * out lives in the ledger, not in the call: whichever call comes next goes on with it.
 */
export const pollAnalysis = defineJob<PollParams>({
  name: 'poll-analysis',
  title: 'photos, videos and texts: handed to the services that analyse them, and asked for',
  params: pollParams,
  schedule: '* * * * *',
  // Nothing of a call is gone on with but by what the batches say.
  cursorMaxAgeMs: 0,
  needs: [],
  needsOneOf: ['VISION_BASE_URL', 'TEXT_ML_BASE_URL'],
  uses: ['INSTAGRAM_BASE_URL'],
  // It runs only when there is something to do.
  lateAfterMs: Infinity,

  async isDue({ db, settings }) {
    const inMs = await nextAnalysisMs(db, configuredAccounts(settings))
    return inMs !== undefined && inMs <= 0
  },

  async plan({ db, settings }) {
    const requests = []
    for (const service of configuredServices(settings)) {
      const { count } = await db
        .selectFrom('ledger.analysis_tasks')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('service', '=', service)
        .where('finished_at', 'is', null)
        .executeTakeFirstOrThrow()
      const why = `${count} contents, up to 100 in a request`
      requests.push({ operation: `${service} submit`, count: 'unknown' as const, why })
    }
    return { requests, credits: 0 }
  },

  async run(given) {
    const run = openAnalysisRun(given)
    const { db, http, settings } = run
    const exchanges = openServices(http, settings).flatMap((api) => exchange(run, api))
    const ends = await Promise.allSettled([readMediaAgain(run), ...exchanges])
    const next = await nextAnalysisMs(db, configuredAccounts(settings))
    if (next !== undefined) await wakeAnalysis(db, next)
    const failed = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []))
    if (failed.length > 0) throw sumUp(failed)
    return {}
  },
})

/** Handing over and asking go on side by side. */
function exchange(run: AnalysisRun, api: AnalysisService): Promise<void>[] {
  const seed = { subject: '', cursor: { round: 0 } satisfies RoundCursor }
  const alone = { parallel: 1 }
  let submitting = true
  const submitted = run.streams(submitAnalyses(run, api), [seed], alone).finally(() => {
    submitting = false
  })
  const polled = run.streams(
    pollAnalyses(run, api, () => submitting),
    [seed],
    alone,
  )
  return [submitted, polled]
}

function openAnalysisRun(run: Run<PollParams>): AnalysisRun {
  const { call, params, settings } = run
  const until = performance.now() + params.seconds * 1000
  return {
    ...run,
    lease: { call, token: call.lease_token ?? '' },
    isOver: () => performance.now() > until,
    canReadAgain: canReadAgain(settings),
  }
}

/** What was not reached is in the ledger, with the time when it is tried again: another attempt of this call would only come sooner. */
function sumUp(failed: readonly unknown[]): unknown {
  const [first] = failed
  const faults = failed.filter((error) => error instanceof Fault)
  const worst = faults.find(({ kind }) => kind !== 'streams')
  if (worst || faults.length < failed.length) return worst ?? first
  return new Fault('streams', [...new Set(faults.map(({ message }) => message))].join('; '), {
    service: faults[0]?.service,
    hint: faults[0]?.hint,
    retriable: false,
  })
}
