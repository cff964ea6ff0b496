import { type Accepted, noteAccepted, putBatchesBack } from '../db/analysis-batches.ts'
import {
  type BatchToSend,
  isHeldUp,
  splitBatch,
  takeUnsent,
  tasksOf,
  type WaitingTask,
  writeBatch,
} from '../db/analysis-sending.ts'
import { skipTasks, waitingKinds } from '../db/analysis-due.ts'
import { endTasks } from '../db/analysis-ends.ts'
import { Fault, Parked, toErrorRecord } from '../errors.ts'
import { mediaResults, textResults } from '../etl/extract/analysis/entities.ts'
import type { Abilities, AnalysisService, Item, Kind } from '../etl/extract/analysis/service.ts'
import type { RequestContext } from '../etl/extract/http-client.ts'
import { HttpFault } from '../etl/extract/verdict.ts'
import type { ExtractTools, Operation, Page } from '../etl/stream.ts'
import { type AnalysisRun, policyOf } from './analysis-run.ts'

export interface RoundCursor {
  round: number
}

/** So many requests in a row that are refused speak for a service that does not speak as we do: nothing more is sent. */
const mostRefusals = 30
/** Until what could not be sent is tried again, in ms; twice as long each time, to a quarter of an hour. */
const firstRestMs = 30_000
const longestRestMs = 900_000
/** Clocks of ours and theirs may differ by so much, in ms. */
const slackMs = 60_000

export const resultsOf = ({ service }: AnalysisService) =>
  service === 'vision' ? mediaResults : textResults

/**
 * Hands waiting contents over, in batches. Each is written down before it is sent, and sent again under the same key by whoever comes
 * next if nobody knows what came of it.
 */
export function submitAnalyses(
  run: AnalysisRun,
  api: AnalysisService,
): Operation<RoundCursor, object> {
  const { db, lease, log } = run
  const { service } = api
  let abilities: Abilities | undefined
  let accepted: Accepted[] = []
  let refusals = 0

  /** What is to be sent now: what was written down before comes first. */
  async function nextBatches(context: RequestContext): Promise<BatchToSend[]> {
    const limit = api.jobsAtOnce
    const unsent = await takeUnsent(db, lease, service, { limit, honoursKey: api.honoursKey })
    if (unsent.length > 0 || (await isHeldUp(db, service))) return unsent
    const batches: BatchToSend[] = []
    for (const kind of await waitingKinds(db, kindsOf(api))) {
      const able = (abilities ??= await api.abilities(context))
      const features = able.kinds[kind]
      if (!features && able.unsure) continue
      if (!features) {
        const skipped = await skipTasks(db, kind, `the service takes no ${kind}s`)
        if (skipped > 0) log.info({ service, kind, skipped }, 'the service does not take these')
        continue
      }
      const options = { service, kind, limit: able.maxItems }
      while (batches.length < limit) {
        const batch = await writeBatch(db, lease, options, (tasks) =>
          fittingBody(api, kind, features, tasks),
        )
        if (!batch) break
        batches.push(batch)
      }
    }
    return batches
  }

  async function send(
    batch: BatchToSend,
    { context }: ExtractTools,
  ): Promise<Accepted | undefined> {
    try {
      const body: unknown = JSON.parse(batch.body)
      const since = batch.doubtSince
      const found = since
        ? await api.find?.(body, new Date(since.getTime() - slackMs), context)
        : undefined
      if (found !== undefined) return { id: batch.id, remoteId: found, retryAfterMs: undefined }
      const taken = await api.submit(body, batch.id, context)
      refusals = 0
      return { id: batch.id, remoteId: taken.id, retryAfterMs: taken.retryAfterMs }
    } catch (thrown) {
      if (context.signal.aborted) throw thrown
      const status = thrown instanceof HttpFault ? thrown.status : undefined
      const error = toErrorRecord(thrown)
      // 410: the job of this key was kept no longer. 422 may say that the key stands for something else.
      const isSpent =
        status === 410 ||
        (thrown instanceof HttpFault && status === 422 && /key/i.test(thrown.body))
      const isRefused = isSpent || (status !== undefined && [400, 413, 422].includes(status))
      if (!isRefused || ++refusals > mostRefusals) {
        // 409: the first sending of this key is still being taken.
        const soon = status === 409
        const inMs = soon ? 3000 : await restMs(batch.id, thrown)
        await putBatchesBack(db, lease, [batch.id], { inMs, error })
        if (soon) return undefined
        throw thrown instanceof Parked ? asFault(thrown) : thrown
      }
      await refuse(batch, thrown, isSpent)
      return undefined
    }
  }

  async function restMs(id: string, thrown: unknown): Promise<number> {
    if (thrown instanceof Parked) return Math.max(1000, thrown.until.getTime() - Date.now())
    const batch = await db
      .selectFrom('ledger.analysis_batches')
      .select('sends')
      .where('id', '=', id)
      .executeTakeFirst()
    return Math.min(longestRestMs, firstRestMs * 2 ** Math.min(10, (batch?.sends ?? 1) - 1))
  }

  /** Finds out by halves which content it is; where only the key is spent, all go out under another. */
  async function refuse(
    { id, kind, body }: BatchToSend,
    thrown: unknown,
    isWhole: boolean,
  ): Promise<void> {
    const tasks = await tasksOf(db, id)
    const error = toErrorRecord(thrown)
    const middle = Math.ceil(tasks.length / 2)
    const halves = [tasks.slice(0, middle), tasks.slice(middle)].filter((half) => half.length > 0)
    const { features = [] }: { features?: string[] } = JSON.parse(body)
    const parts = isWhole ? [tasks].filter((all) => all.length > 0) : tasks.length > 1 ? halves : []
    if (parts.length === 0)
      await db.transaction().execute((trx) =>
        endTasks(
          trx,
          policyOf(run, service),
          tasks.map(({ content_key: key }) => ({ batchId: id, key, error, again: false })),
        ),
      )
    await splitBatch(
      db,
      lease,
      { id, service, kind },
      parts.map((half) => ({ tasks: half, body: bodyOf(api, kind as Kind, features, half) })),
      error,
    )
  }

  return {
    service,
    operation: 'submit',
    entity: resultsOf(api),
    readAhead: false,
    async extract({ round }, tools): Promise<Page<RoundCursor>> {
      accepted = []
      const batches = round > 0 && run.isOver() ? [] : await nextBatches(tools.context)
      if (batches.length === 0) return { records: [], next: null }
      const sent = await Promise.allSettled(batches.map((batch) => send(batch, tools)))
      accepted = sent.flatMap((one) => (one.status === 'fulfilled' ? (one.value ?? []) : []))
      const failed = sent.find((one) => one.status === 'rejected')
      // What was taken is written with the page; what was not is written down already.
      if (failed && accepted.length === 0) throw failed.reason
      return { records: [], next: { round: round + 1 } }
    },
    async alsoWrite(trx) {
      if (accepted.length > 0) await noteAccepted(trx, accepted, run.params.deadlineMinutes)
    },
  }
}

const kindsOf = ({ service }: AnalysisService): Kind[] =>
  service === 'vision' ? ['image', 'video'] : ['text']

const toItem = ({ content_key: id, content: { text, url } }: WaitingTask): Item => ({
  id,
  content: text === undefined ? { url: url ?? '' } : { text },
})

function bodyOf(
  api: AnalysisService,
  kind: Kind,
  features: readonly string[],
  tasks: readonly WaitingTask[],
): string {
  return JSON.stringify(api.body(kind, features, tasks.map(toItem)))
}

/** A body of as many of the tasks as it has room for, one at least. */
function fittingBody(
  api: AnalysisService,
  kind: Kind,
  features: readonly string[],
  tasks: readonly WaitingTask[],
): { body: string; items: number } {
  let some = tasks
  for (;;) {
    const body = bodyOf(api, kind, features, some)
    if (some.length === 1 || Buffer.byteLength(body) <= api.maxBodyBytes)
      return { body, items: some.length }
    some = some.slice(0, Math.ceil(some.length / 2))
  }
}

/** The call need not wait for it: it is told in the batch when it is tried again. */
function asFault({ message, service }: Parked): Fault {
  return new Fault('rate_limited', message, { service, retriable: false })
}
