import { z } from 'zod'
import { faultCalls, settingsCalls } from '../admin-calls.ts'
import { json, ndjson } from '../http/answer.ts'
import type { AdminCall } from '../upstream.ts'
import { isoTime } from './clock.ts'
import { itemFateSchema, jobFateSchema, requestFaultSchema } from './faults.ts'
import { sha256 } from './hash.ts'
import { advance, itemStatus, type Job, statusOf } from './job.ts'
import { settingsSchema } from './options.ts'
import { type AnalysisParts, shownSettings } from './parts.ts'

const patchSchema = settingsSchema.partial()
const clockSchema = z.strictObject({ advanceSeconds: z.number().min(0) })
const finishSchema = z.strictObject({ ids: z.array(z.string()).optional() }).default({})
const jobsQuerySchema = z.strictObject({ key: z.string().optional(), id: z.string().optional() })
const analysedQuerySchema = z.strictObject({
  /** As /analysed tells it. */
  content: z.string().optional(),
  /** Or the text itself. */
  text: z.string().optional(),
})

/** The admin API of one of the two services, below `/_sandbox/vision` or `/_sandbox/text-ml`. */
export function analysisAdmin(parts: AnalysisParts): AdminCall[] {
  const shown = () => shownSettings(parts)
  const settle = () => {
    for (const job of parts.open) advance(parts, job)
  }
  const clockJson = () => json(200, { now: isoTime(parts.clock.nowMs()), open: parts.open.size })
  return [
    ...settingsCalls(parts, settingsSchema, {
      shown,
      readPatch: (body) => patchSchema.parse(body),
    }),
    ...faultCalls(parts.faults, z.array(requestFaultSchema)),
    ...faultCalls(parts.jobFates, z.array(jobFateSchema), '/job-fates'),
    ...faultCalls(parts.itemFates, z.array(itemFateSchema), '/item-fates'),
    /** Moves the service's clock on, and the jobs with it. */
    {
      method: 'POST',
      path: '/clock',
      handle(body) {
        parts.clock.advance(clockSchema.parse(body).advanceSeconds)
        settle()
        return clockJson()
      },
    },
    /** Makes jobs due now, all or some: those that never end don't, polls that are wanted are still wanted. */
    {
      method: 'POST',
      path: '/finish',
      handle(body) {
        const { ids } = finishSchema.parse(body)
        const nowMs = parts.clock.nowMs()
        for (const job of parts.open) {
          if (ids !== undefined && !ids.includes(job.id)) continue
          job.startMs = Math.min(job.startMs, nowMs)
          job.dueMs = Math.min(job.dueMs, nowMs)
        }
        settle()
        return clockJson()
      },
    },
    /** How often each content was handed in and analysed. */
    {
      method: 'GET',
      path: '/analysed',
      handle(_, query) {
        settle()
        const { content, text } = analysedQuerySchema.parse(Object.fromEntries(query))
        return ndjson(parts.tallies.all(text === undefined ? content : `text:${sha256(text)}`))
      },
    },
    /** The jobs that are known, the oldest first, or that of an idempotency key. */
    {
      method: 'GET',
      path: '/jobs',
      handle(_, query) {
        settle()
        const { key, id } = jobsQuerySchema.parse(Object.fromEntries(query))
        const all = [...parts.jobs.values()]
        const found = all.filter(
          (job) => (key === undefined || job.key === key) && (id === undefined || job.id === id),
        )
        return ndjson(found.map((job) => jobState(parts, job)))
      },
    },
    /** Every request that asked for jobs, by time. */
    { method: 'GET', path: '/polls', handle: () => ndjson(parts.polls.all()) },
  ]
}

function jobState(parts: AnalysisParts, job: Job) {
  const ended = job.completedMs !== undefined
  return {
    id: job.id,
    key: job.key ?? null,
    /** Requests that were answered with it. */
    accepted: job.accepted,
    status: statusOf(parts, job),
    client_ref: job.clientRef ?? null,
    created_at: isoTime(job.createdMs),
    due_at: isoTime(job.dueMs),
    completed_at: ended ? isoTime(job.completedMs ?? 0) : null,
    polls: job.polls,
    items: job.items.map((item) => ({
      item_id: item.itemId,
      content: item.content,
      status: ended ? itemStatus(job, item) : 'pending',
      ...(item.error !== undefined && { error: item.error }),
    })),
  }
}
