import type { BatchToPoll } from '../db/analysis-batches.ts'
import type { BatchNews, TaskEnd } from '../db/analysis-ends.ts'
import type { ErrorKind } from '../errors.ts'
import type {
  AnalysisService,
  ItemError,
  ItemTold,
  JobTold,
  PollAnswer,
} from '../etl/extract/analysis/service.ts'

/** What came of a poll: of batches, of tasks that end without a result, and the results. */
export interface Learnt {
  news: BatchNews[]
  ends: TaskEnd[]
  records: { item_id: string; model: string | null; result: unknown }[]
}

/** What an answer says of the batches that were asked for, and of their items. Pure. */
export function learn(
  service: AnalysisService['service'],
  batches: readonly BatchToPoll[],
  open: ReadonlyMap<string, ReadonlySet<string>>,
  { jobs, missing, retryAfterMs }: PollAnswer,
): Learnt {
  const told = new Map(jobs.map((job) => [job.id, job]))
  const absent = new Map(missing.map(({ id, code }) => [id, code]))
  const learnt: Learnt = { news: [], ends: [], records: [] }
  for (const { id, remote_id: remoteId, items } of batches) {
    const job = told.get(remoteId)
    const code = absent.get(remoteId)
    if (job)
      readJob(learnt, { service, id, job, items, keys: open.get(id) ?? new Set(), retryAfterMs })
    else if (code) learnt.news.push(lost(service, id, code))
    else learnt.news.push({ id, over: false, word: 'not told of', retryAfterMs })
  }
  return learnt
}

interface JobOfBatch {
  service: AnalysisService['service']
  id: string
  job: JobTold
  /** How many contents it was handed over with. */
  items: number
  /** What of the batch is still open. */
  keys: ReadonlySet<string>
  retryAfterMs: number | undefined
}

function readJob({ news, ends, records }: Learnt, of: JobOfBatch): void {
  const { service, id, job, items, keys, retryAfterMs } = of
  const [only] = keys
  // Those that had ended before are told of again.
  const strangers = job.items.length - items
  for (const item of job.items) {
    const key = item.id ?? (keys.size === 1 ? only : undefined)
    if (key === undefined || !keys.has(key)) continue
    if (item.status === 'succeeded')
      records.push({ item_id: key, model: item.model ?? null, result: item.result })
    else if (item.status === 'failed') ends.push(endOf(service, id, key, item))
  }
  const odd =
    job.unreadable ??
    (strangers > 0 && job.over ? `${strangers} of its items were not sent to it` : undefined)
  const error =
    odd === undefined ? {} : { error: { kind: 'bad_answer' as const, message: odd, service } }
  if (!job.over) {
    news.push({ id, over: false, word: job.status, retryAfterMs, ...error })
    return
  }
  const rest = job.error
    ? reasonOf(service, job.error)
    : {
        kind: 'bad_answer' as const,
        message: `the service ended the job as "${job.status}" and said nothing of it${job.unreadable ? `: ${job.unreadable}` : ''}`,
        service,
      }
  const again = job.error ? job.error.retriable : true
  news.push({ id, over: true, word: job.status, status: 'done', rest, again, ...error })
}

function endOf(
  service: AnalysisService['service'],
  batchId: string,
  key: string,
  { error }: ItemTold,
): TaskEnd {
  const failed = error ?? { code: 'internal', message: '', retriable: false }
  const wantsAddress = service === 'vision' && failed.code === 'fetch_failed'
  return {
    batchId,
    key,
    error: reasonOf(service, failed),
    again: failed.retriable && !wantsAddress,
    wantsAddress,
  }
}

const kinds: Record<string, ErrorKind> = {
  internal: 'upstream',
  timeout: 'upstream',
  canceled: 'upstream',
  aborted: 'upstream',
}

function reasonOf(service: string, { code, message }: ItemError) {
  return { kind: kinds[code] ?? 'bad_request', message: `${code}: ${message}`, service } as const
}

function lost(
  service: AnalysisService['service'],
  id: string,
  code: 'not_found' | 'expired',
): BatchNews {
  const message =
    code === 'not_found'
      ? 'the service knows nothing of the job'
      : 'the service kept the result no longer'
  const rest = { kind: 'not_found' as const, message, service }
  // Who has forgotten a job twice will do so again.
  const bound = code === 'not_found' ? { mostAttempts: 2 } : {}
  return { id, over: true, word: code, status: 'lost', rest, again: true, ...bound }
}
