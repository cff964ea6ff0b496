import { z } from 'zod'
import { Fault } from '../../../errors.ts'
import { stableJson } from '../../load/json.ts'
import { retryAfterMs } from '../answer.ts'
import type { HttpClient, RequestContext, Upstream } from '../http-client.ts'
import { HttpFault } from '../verdict.ts'
import type { AnalysisService, ItemError, JobTold, PollAnswer } from './service.ts'

const path = '/v1/predictions'

const prediction = z.object({
  id: z.string().min(1),
  status: z.string(),
  output: z.unknown().optional(),
  error: z.unknown().optional(),
  model: z.string().nullish().catch(null),
  version: z.string().nullish().catch(null),
  data_removed: z.boolean().nullish().catch(null),
})

const listed = z.object({
  results: z.array(
    z.object({
      id: z.string(),
      version: z.string().nullish(),
      input: z.unknown(),
      created_at: z.string(),
    }),
  ),
  next: z.string().nullish(),
})
/** Pages of the list, newest first, that are looked through for a prediction whose answer was lost. */
const mostPages = 10

/** Words after which nothing else is said (upstreams/ml-vision.md, 1.1). */
const lastWords = new Set(['succeeded', 'failed', 'canceled', 'aborted'])

/**
 * The predictions API of Replicate, with one model: a prediction per image, each polled by itself, whose result is there for an
 * hour. It knows no key: where an answer was lost, the prediction is looked for in the list by its input.
 */
export function replicateService(
  http: HttpClient,
  upstream: Upstream,
  version: string,
): AnalysisService {
  const { service } = upstream
  const ask = async (id: string, context: RequestContext): Promise<PollAnswer> => {
    try {
      const answer = await http.send(
        upstream,
        { path: `${path}/${encodeURIComponent(id)}` },
        context,
      )
      const told = prediction.safeParse(answer.json())
      if (told.success)
        return {
          jobs: [toJob(told.data)],
          missing: gone(told.data),
          retryAfterMs: retryAfterMs(answer),
        }
      const unreadable = `a prediction was due, not "${answer.quote()}"`
      const job = { id, status: '?', over: false, items: [], unreadable }
      return { jobs: [job], missing: [], retryAfterMs: retryAfterMs(answer) }
    } catch (thrown) {
      const status = thrown instanceof HttpFault ? thrown.status : undefined
      if (status === 404)
        return { jobs: [], missing: [{ id, code: 'not_found' }], retryAfterMs: undefined }
      if (status === 410)
        return { jobs: [], missing: [{ id, code: 'expired' }], retryAfterMs: undefined }
      throw thrown
    }
  }
  return {
    service: 'vision',
    honoursKey: false,
    jobsAtOnce: 8,
    maxBodyBytes: 250_000,
    abilities: async () => ({ kinds: { image: [] }, maxItems: 1 }),

    body: (_kind, _features, items) => {
      const content = items[0]?.content
      return { version, input: { image: content && 'url' in content ? content.url : '' } }
    },

    async submit(body, _key, context) {
      const request = { method: 'POST', path, body, idempotent: false } as const
      const answer = await http.send(upstream, request, context)
      const told = prediction.safeParse(answer.json())
      if (told.success) return { id: told.data.id, retryAfterMs: retryAfterMs(answer) }
      const message = `POST ${path}: a prediction was due, not "${answer.quote()}"`
      throw new Fault('bad_answer', message, { service })
    },

    async find(body, since, context) {
      const wanted = stableJson(body)
      const found: string[] = []
      let query: string | undefined
      for (let page = 0; page < mostPages; page++) {
        const request = { path, ...(query !== undefined && { query }) }
        const answer = await http.send(upstream, request, context)
        const told = listed.safeParse(answer.json())
        if (!told.success) {
          const message = `GET ${path}: a list of predictions was due, not "${answer.quote()}"`
          throw new Fault('bad_answer', message, { service })
        }
        const { results, next } = told.data
        const young = results.filter(({ created_at: at }) => new Date(at) >= since)
        for (const { id, version: of, input } of young)
          if (stableJson({ version: of, input }) === wanted) found.push(id)
        query = next ? URL.parse(next)?.search.slice(1) : undefined
        if (young.length < results.length || !query) break
      }
      return found
    },

    async poll(ids, context) {
      // How many are under way at a time, the quota says.
      const answers = await Promise.all(ids.map((id) => ask(id, context)))
      const waits = answers.flatMap(({ retryAfterMs: ms }) => ms ?? [])
      return {
        jobs: answers.flatMap(({ jobs }) => jobs).filter(({ id }) => !isGone(answers, id)),
        missing: answers.flatMap(({ missing }) => missing),
        retryAfterMs: waits.length > 0 ? Math.min(...waits) : undefined,
      }
    },
  }
}

const isGone = (answers: readonly PollAnswer[], id: string) =>
  answers.some(({ missing }) => missing.some((one) => one.id === id))

type Prediction = z.output<typeof prediction>

/** After an hour input and output are taken away, and the rest stays. */
function gone({ id, status, output, data_removed: removed }: Prediction): PollAnswer['missing'] {
  const isEmpty = output === null || output === undefined
  return status === 'succeeded' && isEmpty && removed === true ? [{ id, code: 'expired' }] : []
}

function toJob({ id, status, output, error, model, version }: Prediction): JobTold {
  const over = lastWords.has(status)
  if (!over) return { id, status, over, items: [] }
  const named = [model, version].filter(Boolean).join(':') || undefined
  if (status === 'succeeded')
    return {
      id,
      status,
      over,
      items: [{ id: undefined, status, model: named, result: { output } }],
    }
  const failed: ItemError = {
    code: status,
    message:
      typeof error === 'string' && error !== ''
        ? error.slice(0, 500).toWellFormed()
        : 'the service did not say why',
    // What a model has failed at it fails at again; who was stopped was not done.
    retriable: status !== 'failed',
  }
  return { id, status, over, items: [{ id: undefined, status: 'failed', error: failed }] }
}
