import { advance, complete, isExpired, type Job } from './job.ts'
import type { KeptJob } from './job-file.ts'
import type { AnalysisParts } from './parts.ts'

/** Takes up the jobs of an earlier process: as a real service's, they went on while nobody was there. */
export function restore(parts: AnalysisParts): void {
  const before = parts.file.read()
  const canceled = new Map<string, number>()
  for (const kept of before) if ('canceled' in kept) canceled.set(kept.canceled, kept.atMs)
  for (const kept of before) if ('job' in kept) take(parts, kept, canceled.get(kept.job.id))
  const isKnown = (id: string) => parts.jobs.has(id)
  parts.file.replace(before.filter((kept) => isKnown('job' in kept ? kept.job.id : kept.canceled)))
}

function take(parts: AnalysisParts, { job: kept, body }: KeptJob, canceledMs: number | undefined) {
  const job: Job = { ...kept, completedMs: undefined, fetched: false, answeredMs: 0 }
  parts.open.add(job)
  for (const item of job.items) parts.tallies.accepted(item)
  if (canceledMs === undefined) advance(parts, job)
  else {
    job.canceled = true
    complete(parts, job, canceledMs)
  }
  if (isExpired(parts, job)) return
  parts.jobs.set(job.id, job)
  if (job.key !== undefined) parts.keys.set(job.key, { job, body })
}
