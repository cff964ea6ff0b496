import { type Answer, json } from '../http/answer.ts'
import type { Ask } from '../upstream.ts'
import { refusal } from './errors.ts'
import { hash32 } from './hash.ts'
import { advance, complete, isExpired, type Job } from './job.ts'
import type { AnalysisParts } from './parts.ts'
import { submitAnswer } from './submit.ts'
import { jobJson, retryAfterHeader } from './tell-job.ts'

/** The calls of upstreams/ml-vision.md, 2.1. */
export function routed(parts: AnalysisParts, ask: Ask): Answer {
  const { method, path } = ask
  if (path === '/v1/jobs') {
    if (method === 'POST') return submitAnswer(parts, ask)
    return method === 'GET' ? pollMany(parts, ask) : notAllowed(ask)
  }
  if (path === '/v1/capabilities' && parts.settings.capabilities) {
    return method === 'GET' ? capabilities(parts) : notAllowed(ask)
  }
  const [, id, cancels] = /^\/v1\/jobs\/([^/]+)(\/cancel)?$/.exec(path) ?? []
  if (id === undefined) return refusal(404, `there is no ${path}`)
  if (method !== (cancels === undefined ? 'GET' : 'POST')) return notAllowed(ask)
  if (cancels !== undefined && !parts.settings.cancel) return refusal(501, 'jobs end by themselves')
  return oneJob(parts, ask, id, cancels !== undefined)
}

function oneJob(parts: AnalysisParts, ask: Ask, id: string, cancels: boolean): Answer {
  const job = parts.jobs.get(id)
  if (job !== undefined) advance(parts, job)
  if (!cancels) bookPoll(parts, ask, 1, job === undefined ? [] : [job])
  if (job === undefined) return refusal(404, `there is no job ${id}`)
  if (isExpired(parts, job)) return refusal(410, 'the job has expired')
  if (!cancels) job.polls++
  else if (job.completedMs === undefined) {
    const atMs = parts.clock.nowMs()
    job.canceled = true
    complete(parts, job, atMs)
    parts.file.add({ canceled: job.id, atMs })
  }
  const headers = cancels ? {} : retryAfterHeader(parts, [job])
  return { ...json(200, jobJson(parts, job)), headers, rows: 1 }
}

/** One bad id never fails the call; the order of the answer is not that of the question. */
function pollMany(parts: AnalysisParts, ask: Ask): Answer {
  const asked = idsIn(ask.search)
  if (asked.length < 1 || asked.length > 100) {
    return refusal(400, `ids must name 1 to 100 jobs, not ${asked.length}`)
  }
  const missing: { id: string; code: 'not_found' | 'expired' }[] = []
  const found: Job[] = []
  for (const id of new Set(asked)) {
    const job = parts.jobs.get(id)
    if (job !== undefined) advance(parts, job)
    if (job === undefined) missing.push({ id, code: 'not_found' })
    else if (isExpired(parts, job)) missing.push({ id, code: 'expired' })
    else found.push(job)
  }
  bookPoll(parts, ask, asked.length, found)
  for (const job of found) job.polls++
  const data = found
    .toSorted((a, b) => hash32(a.id) - hash32(b.id))
    .map((job) => jobJson(parts, job))
  const headers = retryAfterHeader(parts, found)
  return { ...json(200, { data, missing }), headers, rows: data.length }
}

export function idsIn(search: string): string[] {
  const ids = new URLSearchParams(search).getAll('ids').flatMap((list) => list.split(','))
  return ids.map((id) => id.trim()).filter((id) => id !== '')
}

function bookPoll(parts: AnalysisParts, { arrivedMs }: Ask, ids: number, jobs: readonly Job[]) {
  const ended = jobs.filter(({ completedMs }) => completedMs !== undefined).length
  const at = Math.round(arrivedMs * 1000) / 1000
  // Those of this answer that have just ended were out when it was asked.
  const open = parts.open.size + ended
  parts.polls.add({ at, time: new Date().toISOString(), ids, open, ended })
}

function capabilities({ kind, settings }: AnalysisParts): Answer {
  const { features, maxItems, retentionSeconds } = settings
  const kinds = { [kind]: features, ...(settings.video && kind === 'image' && { video: features }) }
  return json(200, { kinds, max_items: maxItems, retention_seconds: retentionSeconds })
}

function notAllowed({ method, path }: Ask): Answer {
  return refusal(405, `${method} is not allowed at ${path}`)
}
