import { type Accepted, noteAccepted, putBatchesBack } from '../db/analysis-batches.ts'
import {
  type BatchToSend,
  firstStranger,
  isHeldUp,
  patientSends,
  splitBatch,
  takeUnsent,
  tasksOf,
  tookOthers,
  type WaitingTask,
  writeBatch,
} from '../db/analysis-sending.ts'
import { putOff, skipTasks, unskipTasks, waitingKinds } from '../db/analysis-due.ts'
import { endTasks } from '../db/analysis-ends.ts'
import { type ErrorKind, Fault, Parked, toErrorRecord } from '../errors.ts'
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

/** Until a key that is still being taken is sent again, in ms, and how often so soon. */
const soonMs = 3000
const mostSoon = 10

/** Faults that may come of what is in one request. */
const ofOneRequest: ReadonlySet<ErrorKind> = new Set([
  'upstream',
  'network',
  'bad_answer',
  'bad_request',
  'forbidden',
  'not_found',
])

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
      const able = (abilities ??= await askAbilities(context))
      const features = able.kinds[kind]
      if (!features && able.unsure) {
        await putOff(db, kind)
        continue
      }
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

  async function askAbilities(context: RequestContext): Promise<Abilities> {
    const able = await api.abilities(context)
    if (!able.unsure) await unskipTasks(db, Object.keys(able.kinds))
    return able
  }

  async function send(
    batch: BatchToSend,
    { context }: ExtractTools,
  ): Promise<Accepted | undefined> {
    try {
      const body: unknown = JSON.parse(batch.body)
      const since = batch.doubtSince ?? undefined
      const alike = since && (await api.find?.(body, new Date(since.getTime() - slackMs), context))
      const found = alike && (await firstStranger(db, service, alike))
      if (found !== undefined) return { id: batch.id, remoteId: found, retryAfterMs: undefined }
      const taken = await api.submit(body, batch.id, context)
      refusals = 0
      return { id: batch.id, remoteId: taken.id, retryAfterMs: taken.retryAfterMs }
    } catch (thrown) {
      if (context.signal.aborted) throw thrown
      const status = thrown instanceof HttpFault ? thrown.status : 0
      const isSpent = keyIsSpent(batch, thrown)
      const isRefused = [400, 410, 413, 422].includes(status) && ++refusals <= mostRefusals
      if (isSpent || isRefused || (await isItsOwn(batch, thrown))) {
        await refuse(batch, thrown, isSpent)
        return undefined
      }
      // The first sending of this key is still being taken.
      const soon = status === 409 && batch.sends < mostSoon
      const inMs = soon ? soonMs : restMs(batch, thrown)
      await putBatchesBack(db, lease, [batch.id], { inMs, error: toErrorRecord(thrown) })
      if (soon) return undefined
      throw thrown instanceof Parked ? asFault(thrown) : thrown
    }
  }

  /** Whether the service fails at this batch alone: sent again and again in vain, while others were taken. */
  async function isItsOwn({ id, sends }: BatchToSend, thrown: unknown): Promise<boolean> {
    const mayBe = thrown instanceof Fault && ofOneRequest.has(thrown.kind)
    return mayBe && sends >= patientSends && (await tookOthers(db, id))
  }

  /** Finds out by halves which content it is; where only the key is spent, all go out under another. */
  async function refuse(batch: BatchToSend, thrown: unknown, newKey: boolean): Promise<void> {
    const { id, kind, body } = batch
    const tasks = await tasksOf(db, id)
    const error = toErrorRecord(thrown)
    const middle = Math.ceil(tasks.length / 2)
    const halves = tasks.length > 1 ? [tasks.slice(0, middle), tasks.slice(middle)] : []
    const { features = [] }: { features?: string[] } = JSON.parse(body)
    const parts = newKey && tasks.length > 0 ? [tasks] : halves
    if (parts.length === 0)
      await db.transaction().execute((trx) =>
        endTasks(
          trx,
          policyOf(run, service),
          tasks.map(({ content_key: key }) => ({ batchId: id, key, error, again: false })),
        ),
      )
    const made = parts.map((part) => ({
      tasks: part,
      body: bodyOf(api, kind as Kind, features, part),
    }))
    await splitBatch(db, lease, { service, newKey }, batch, made, error)
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

/**
 * Whether the key stands for something else (422), or for a job that was kept no longer (410). Said of a key that was never sent
 * before it can't be true, and is a refusal like any other.
 */
function keyIsSpent({ sends }: BatchToSend, thrown: unknown): boolean {
  if (!(thrown instanceof HttpFault) || sends < 2) return false
  return (
    thrown.status === 410 ||
    (thrown.status === 422 && /"code"\s*:\s*"idempotency_key_reused"/.test(thrown.body))
  )
}

/** How long a batch rests that could not be sent. */
function restMs({ sends }: BatchToSend, thrown: unknown): number {
  if (thrown instanceof Parked) return Math.max(1000, thrown.until.getTime() - Date.now())
  return Math.min(longestRestMs, firstRestMs * 2 ** Math.min(10, sends - 1))
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
