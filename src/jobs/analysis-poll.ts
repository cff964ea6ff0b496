import { sql } from 'kysely'
import { type BatchToPoll, putBatchesBack, restPolls, takeToPoll } from '../db/analysis-batches.ts'
import { nextPollMs } from '../db/analysis-due.ts'
import { endRejected, endTasks, writeNews } from '../db/analysis-ends.ts'
import type { Db } from '../db/connect.ts'
import { Fault, Parked, toErrorRecord } from '../errors.ts'
import type { AnalysisService } from '../etl/extract/analysis/service.ts'
import { sleep } from '../etl/extract/wait.ts'
import { eachPage, type Operation, type Page } from '../etl/stream.ts'
import { type Asked, askFor } from './analysis-ask.ts'
import { learn, type Learnt } from './analysis-learn.ts'
import { type AnalysisRun, policyOf } from './analysis-run.ts'
import { resultsOf, type RoundCursor } from './analysis-submit.ts'

/** Jobs asked for in one request. */
const mostJobs = 100
/** What is due sooner than this is waited for, in ms; for what comes later another call is woken. */
const worthWaitingMs = 4000
const lookAgainMs = 250
/** A tenth of the shortest time between two polls of a batch. */
const mostJitterMs = 187
/** Until a service that did not answer is asked again, in ms: the longer, the longer what is out has been waited for. */
const leastRestMs = 30_000
const longestRestMs = 900_000

/**
 * Asks for what is out, as long as something is due soon: many jobs in one request, each ever more rarely. Results are written with the
 * page that brought them.
 */
export function pollAnalyses(
  run: AnalysisRun,
  api: AnalysisService,
  isSubmitting: () => boolean,
): Operation<RoundCursor, object> {
  const { db, lease, log } = run
  const { service } = api
  let learnt: Learnt | undefined

  /** The batches to ask for now; none: nothing is due soon. */
  async function whenDue(signal: AbortSignal): Promise<BatchToPoll[]> {
    let waited = false
    for (;;) {
      const inMs = (await nextPollMs(db, service)) ?? Infinity
      if (inMs <= 0) {
        // A little late, at random; and what comes due meanwhile is asked for with it.
        if (waited) await sleep(Math.random() * mostJitterMs, signal)
        const taken = await takeToPoll(db, lease, service, mostJobs)
        if (taken.length > 0) return taken
      }
      if (run.isOver() || (inMs > worthWaitingMs && !isSubmitting())) return []
      await sleep(Math.max(lookAgainMs, Math.min(inMs, 1000)), signal)
      waited = true
    }
  }

  /** Asks, and has what was not answered wait. */
  async function ask(
    batches: readonly BatchToPoll[],
    context: Parameters<AnalysisService['poll']>[1],
  ): Promise<Asked> {
    try {
      const asked = await askFor(api, batches, context)
      const left = asked.left.map(({ id }) => id)
      if (left.length > 0) await putBatchesBack(db, lease, left, { inMs: leastRestMs })
      return asked
    } catch (thrown) {
      if (context.signal.aborted) throw thrown
      const inMs = thrown instanceof Parked ? thrown.until.getTime() - Date.now() : restOf(batches)
      // All that is out: the next request would fail like this one.
      await restPolls(db, lease, service, {
        inMs: Math.max(1000, inMs),
        error: toErrorRecord(thrown),
      })
      if (!(thrown instanceof Parked)) throw thrown
      throw new Fault('rate_limited', thrown.message, { service, retriable: false })
    }
  }

  return {
    service,
    operation: 'poll',
    entity: resultsOf(api),
    readAhead: false,
    async extract({ round }, { context }): Promise<Page<RoundCursor>> {
      learnt = undefined
      const batches = await whenDue(context.signal)
      if (batches.length === 0) return { records: [], next: null }
      const { answer, answered, silent } = await ask(batches, context)
      learnt = learn(service, answered, await openItems(db, answered), answer)
      for (const { batch, fault } of silent) {
        const rest = { word: null, retryAfterMs: restOf([batch]), error: toErrorRecord(fault) }
        learnt.news.push({ id: batch.id, over: false, ...rest })
      }
      for (const { id, error } of learnt.news)
        if (error) log.warn({ service, batch: id, reason: error.message }, 'an odd answer')
      return { records: learnt.records, next: { round: round + 1 } }
    },
    alsoWrite: eachPage(async (trx, { ids, rows, stale }) => {
      if (!learnt) return
      const policy = policyOf(run, service)
      const written = new Set([...rows.map(keyOf), ...stale])
      await endRejected(
        trx,
        policy,
        ids.filter((id) => !written.has(id)),
      )
      await endTasks(trx, policy, learnt.ends)
      await writeNews(trx, policy, learnt.news)
    }),
  }
}

const restOf = (batches: readonly BatchToPoll[]) =>
  Math.min(longestRestMs, Math.max(leastRestMs, ...batches.map(({ ageMs }) => ageMs / 4)))

const keyOf = (row: object) =>
  String('media_key' in row ? row.media_key : 'text_key' in row ? row.text_key : '')

/** The keys of what each batch still has open. */
async function openItems(
  db: Db,
  batches: readonly BatchToPoll[],
): Promise<Map<string, Set<string>>> {
  const { rows } = await sql<{ id: string; keys: string[] }>`
    select batch_id as id, array_agg(content_key) as keys from ledger.analysis_tasks
    where batch_id = any(${batches.map(({ id }) => id)}::uuid[]) and finished_at is null group by batch_id`.execute(
    db,
  )
  return new Map(rows.map(({ id, keys }) => [id, new Set(keys)]))
}
