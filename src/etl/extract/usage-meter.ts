import { type QueryExecutorProvider, sql } from 'kysely'
import type { Logger } from '../../log.ts'

/** What is counted per service and hour. */
export interface Usage {
  requests: number
  /** Tries after the first. */
  retries: number
  /** 429s. */
  rateLimited: number
  /** Milliseconds spent waiting for leave to send. */
  throttledMs: number
  /** Of the answers' bodies. */
  bytes: number
  credits: number
}

export interface UsageMeter {
  add(service: string, usage: Partial<Usage>): void
  /** Writes what is still to be written. */
  close(): Promise<void>
}

const flushEveryMs = 1000
const counters = ['requests', 'retries', 'rateLimited', 'throttledMs', 'bytes', 'credits'] as const
const none: Usage = {
  requests: 0,
  retries: 0,
  rateLimited: 0,
  throttledMs: 0,
  bytes: 0,
  credits: 0,
}

/** Adds what `sum` keeps count of. */
export function addUsage(sum: Partial<Usage>, usage: Partial<Usage>): void {
  for (const key of counters) {
    const before = sum[key]
    if (before !== undefined) sum[key] = before + (usage[key] ?? 0)
  }
}

/**
 * Counts into `ledger.upstream_hours`, at most once a second and outside of any page transaction. A row belongs to
 * one worker, so that processes never wait for each other. A crash loses the last second here; the streams' own
 * counts, in `ledger.service_calls`, are written with their pages.
 */
export function createUsageMeter({
  db,
  log,
  worker,
}: {
  db: QueryExecutorProvider
  log: Logger
  worker: string
}): UsageMeter {
  const counted = new Map<string, Usage>()
  let timer: NodeJS.Timeout | undefined
  let flushing: Promise<void> = Promise.resolve()

  function add(service: string, usage: Partial<Usage>): void {
    const sum = counted.get(service) ?? { ...none }
    addUsage(sum, usage)
    counted.set(service, sum)
    // Not a reason to keep a process alive: whoever ends in order closes the meter.
    timer ??= setTimeout(() => void flush(), flushEveryMs).unref()
  }

  function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    flushing = flushing.then(write)
    return flushing
  }

  async function write(): Promise<void> {
    const batch = [...counted].map(([service, usage]) => ({ service, ...usage }))
    counted.clear()
    if (batch.length === 0) return
    try {
      await sql`
        insert into ledger.upstream_hours as h
          (service, hour, worker, requests, retries, rate_limited, throttled_ms, bytes, credits)
        select u.service, date_trunc('hour', clock_timestamp(), 'UTC'), ${worker},
          u.requests, u.retries, u."rateLimited", u."throttledMs", u.bytes, u.credits
        from jsonb_to_recordset(${JSON.stringify(batch)}::jsonb) as u (service text, requests bigint,
          retries bigint, "rateLimited" bigint, "throttledMs" bigint, bytes bigint, credits bigint)
        on conflict (service, hour, worker) do update set
          requests = h.requests + excluded.requests,
          retries = h.retries + excluded.retries,
          rate_limited = h.rate_limited + excluded.rate_limited,
          throttled_ms = h.throttled_ms + excluded.throttled_ms,
          bytes = h.bytes + excluded.bytes,
          credits = h.credits + excluded.credits`.execute(db)
    } catch (error) {
      log.warn({ reason: String(error) }, 'usage could not be written; it is tried again')
      for (const { service, ...usage } of batch) add(service, usage)
    }
  }

  return { add, close: flush }
}
