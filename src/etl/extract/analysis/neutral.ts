import { z } from 'zod'
import { Fault } from '../../../errors.ts'
import { type Answer, retryAfterMs } from '../answer.ts'
import type { HttpClient, Upstream } from '../http-client.ts'
import { HttpFault } from '../verdict.ts'
import type {
  Abilities,
  AnalysisService,
  AnalysisServiceName,
  Item,
  ItemTold,
  JobTold,
  Kind,
} from './service.ts'

const path = '/v1/jobs'
/** What the contract allows (docs/analysis.md). */
const mostItems = 100
const mostBytes = 1_000_000

const defaults: Record<AnalysisServiceName, Abilities> = {
  vision: { kinds: { image: ['labels', 'faces', 'text'] }, maxItems: mostItems },
  'text-ml': { kinds: { text: ['sentiment', 'language', 'mentions'] }, maxItems: mostItems },
}
const abilitiesTold = z.object({
  kinds: z.partialRecord(z.string(), z.array(z.string())),
  max_items: z.int().positive().optional().catch(undefined),
})
const words = ['queued', 'running', 'succeeded', 'partially_succeeded', 'failed', 'canceled']
const lastWords = new Set(words.slice(2))

const error = z.object({
  code: z.string().catch('internal'),
  message: z
    .string()
    .transform((said) => said.slice(0, 500).toWellFormed())
    .catch(''),
  retriable: z.boolean().catch(false),
})
const item = z.object({
  item_id: z.string(),
  status: z.string(),
  model: z.string().nullish().catch(null),
  result: z.unknown().optional(),
  error: error.nullish().catch(null),
})
const job = z.object({
  id: z.string(),
  status: z.string(),
  error: error.nullish().catch(null),
  items: z.array(z.unknown()).nullish().catch(null),
})
const polled = z.object({
  data: z.array(z.unknown()),
  missing: z
    .array(z.object({ id: z.string(), code: z.enum(['not_found', 'expired']).catch('not_found') }))
    .nullish()
    .catch(null),
})

/** A service that speaks the contract of docs/analysis.md, "analysis jobs". */
export function neutralService(
  http: HttpClient,
  service: AnalysisServiceName,
  upstream: Upstream,
): AnalysisService {
  const badAnswer = (call: string, due: string, answer: Answer) =>
    new Fault('bad_answer', `${call}: ${due} was due, not "${answer.quote()}"`, { service })
  return {
    service,
    honoursKey: true,
    jobsAtOnce: 1,
    maxBodyBytes: mostBytes,

    async abilities(context) {
      try {
        const answer = await http.send(upstream, { path: '/v1/capabilities' }, context)
        const told = abilitiesTold.safeParse(answer.json())
        if (!told.success) return defaults[service]
        const { kinds, max_items: maxItems = mostItems } = told.data
        return { kinds, maxItems: Math.min(maxItems, mostItems) }
      } catch (thrown) {
        if (context.signal.aborted) throw thrown
        // It need not have this; and where it does not answer, what is sent will say why.
        const without = thrown instanceof HttpFault && [404, 405, 501].includes(thrown.status)
        return without ? defaults[service] : { ...defaults[service], unsure: true }
      }
    },

    body: (kind, features, items) => ({
      kind,
      features,
      items: items.map((one) => ({ item_id: one.id, ...contentOf(kind, one) })),
    }),

    async submit(body, key, context) {
      const headers = { 'idempotency-key': `"${key}"` }
      const request = { method: 'POST', path, headers, body, idempotent: true } as const
      const answer = await http.send(upstream, request, context)
      const told = z.object({ id: z.string().min(1) }).safeParse(answer.json())
      if (!told.success) throw badAnswer(`POST ${path}`, 'a job', answer)
      return { id: told.data.id, retryAfterMs: retryAfterMs(answer) }
    },

    async poll(ids, context) {
      const query = `ids=${ids.map(encodeURIComponent).join(',')}`
      const answer = await http.send(upstream, { path, query }, context)
      const told = polled.safeParse(answer.json())
      if (!told.success) throw badAnswer(`GET ${path}`, 'a list of jobs', answer)
      const { data, missing } = told.data
      return {
        jobs: data.flatMap(readJob),
        missing: missing ?? [],
        retryAfterMs: retryAfterMs(answer),
      }
    },
  }
}

function contentOf(kind: Kind, { content }: Item): object {
  return 'text' in content ? content : { [kind]: { url: content.url } }
}

/** What is no job at all tells of none. */
function readJob(told: unknown): JobTold[] {
  const parsed = job.safeParse(told)
  if (!parsed.success) {
    const named = z.object({ id: z.string() }).safeParse(told)
    const unreadable = parsed.error.issues.map(
      ({ path: at, message }) => `${at.join('.')}: ${message}`,
    )
    return named.success
      ? [
          {
            id: named.data.id,
            status: '?',
            over: false,
            items: [],
            unreadable: unreadable.join('; '),
          },
        ]
      : []
  }
  const { id, status, items, error: failed } = parsed.data
  return [
    {
      id,
      status,
      over: lastWords.has(status),
      items: (items ?? []).flatMap(readItem),
      error: failed ?? (status === 'canceled' ? canceled : undefined),
      unreadable: lastWords.has(status) && !items ? 'its items are no list' : undefined,
    },
  ]
}

const canceled = { code: 'canceled', message: 'the service cancelled it', retriable: true }

function readItem(told: unknown): ItemTold[] {
  const parsed = item.safeParse(told)
  if (!parsed.success) return []
  const { item_id: id, status, model, result, error: failed } = parsed.data
  if (status === 'succeeded') return [{ id, status, model: model ?? undefined, result }]
  if (status === 'canceled') return [{ id, status: 'failed', error: failed ?? canceled }]
  if (status !== 'failed') return [{ id, status: 'pending' }]
  const unsaid = { code: 'internal', message: 'the service did not say why', retriable: false }
  return [{ id, status, error: failed ?? unsaid }]
}
