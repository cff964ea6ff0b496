import { z } from 'zod'
import { faultCalls, settingsCalls } from '../admin-calls.ts'
import { ndjson } from '../http/answer.ts'
import type { AdminCall } from '../upstream.ts'
import { isoTime } from './clock.ts'
import { itemFateSchema, jobFateSchema, requestFaultSchema } from './faults.ts'
import { advance, itemStatus, type Job, statusOf } from './job.ts'
import { settingsSchema } from './options.ts'
import { type AnalysisParts, shownSettings } from './parts.ts'
import { tallyCalls } from './tally-calls.ts'
import { timeCalls } from './time-calls.ts'

const patchSchema = settingsSchema.partial()
const jobsQuerySchema = z.strictObject({ key: z.string().optional(), id: z.string().optional() })

/** The admin API of one of the two services, below `/_sandbox/vision` or `/_sandbox/text-ml`. */
export function analysisAdmin(parts: AnalysisParts): AdminCall[] {
  const shown = () => shownSettings(parts)
  const settle = () => {
    for (const job of parts.open) advance(parts, job)
  }
  return [
    ...settingsCalls(parts, settingsSchema, {
      shown,
      readPatch: (body) => patchSchema.parse(body),
    }),
    ...faultCalls(parts.faults, z.array(requestFaultSchema)),
    ...faultCalls(parts.jobFates, z.array(jobFateSchema), '/job-fates'),
    ...faultCalls(parts.itemFates, z.array(itemFateSchema), '/item-fates'),
    ...timeCalls(parts, settle),
    ...tallyCalls(parts, settle),
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
