import { onTestFinished } from 'vitest'
import { z } from 'zod'
import type { AnalysisOptions } from '../../sandbox/analysis/options.ts'
import { startSandbox } from '../../sandbox/server.ts'

const itemSchema = z.looseObject({
  item_id: z.string(),
  status: z.string(),
  model: z.string().optional(),
  result: z.record(z.string(), z.unknown()).optional(),
  error: z.looseObject({ code: z.string(), retriable: z.boolean() }).optional(),
})
const jobSchema = z.looseObject({
  id: z.string(),
  kind: z.string(),
  status: z.string(),
  created_at: z.iso.datetime(),
  completed_at: z.iso.datetime().nullable(),
  expires_at: z.iso.datetime().nullable(),
  counts: z.object({ total: z.number(), succeeded: z.number(), failed: z.number() }),
  error: z.looseObject({ code: z.string(), retriable: z.boolean() }).nullable(),
  items: z.array(itemSchema).optional(),
})
export type Job = z.infer<typeof jobSchema>

const manySchema = z.strictObject({
  data: z.array(jobSchema),
  missing: z.array(z.strictObject({ id: z.string(), code: z.enum(['not_found', 'expired']) })),
})
const problemSchema = z.looseObject({
  type: z.url(),
  title: z.string(),
  status: z.number(),
  detail: z.string(),
  code: z.string(),
  retriable: z.boolean(),
})

/** The two services alone on their server, quick, without limits or failures unless asked otherwise. */
export async function withAnalysis(options: Partial<AnalysisOptions> = {}) {
  const quick = { latencyMs: 0, perSecond: 1_000_000, failShare: 0, ...options }
  const sandbox = await startSandbox({
    amocrm: { companies: 1, contacts: 1 },
    instagram: { latencyMs: 0, perSecond: 1_000_000, profiles: 5, crowd: 50 },
    vision: quick,
    textMl: quick,
  })
  onTestFinished(() => sandbox.close())
  const service = (name: 'vision' | 'text-ml', baseUrl: string) => {
    const ask = (
      method: string,
      path: string,
      init: { body?: string; headers?: Record<string, string> } = {},
    ) =>
      fetch(`${baseUrl}/v1${path}`, {
        ...init,
        method,
        headers: {
          authorization: 'Bearer sandbox-key',
          'content-type': 'application/json',
          ...init.headers,
        },
      })
    const submit = (body: unknown, key?: string) =>
      ask('POST', '/jobs', {
        body: typeof body === 'string' ? body : JSON.stringify(body),
        headers: key === undefined ? {} : { 'idempotency-key': key },
      })
    const admin = async (method: string, path: string, body?: unknown) => {
      const response = await fetch(`${sandbox.url}/_sandbox/${name}${path}`, {
        method,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
      return text
    }
    return {
      ask,
      submit,
      admin,
      lines: async <T>(path: string): Promise<T[]> =>
        (await admin('GET', path)).split('\n').flatMap((line) => (line ? [JSON.parse(line)] : [])),
      advance: (advanceSeconds: number) => admin('POST', '/clock', { advanceSeconds }),
      finish: (ids?: string[]) => admin('POST', '/finish', ids && { ids }),
      set: (settings: Partial<AnalysisOptions>) => admin('PATCH', '/settings', settings),
      get: (id: string) => ask('GET', `/jobs/${id}`),
      many: async (ids: readonly string[]) =>
        manySchema.parse(await (await ask('GET', `/jobs?ids=${ids.join(',')}`)).json()),
    }
  }
  return {
    sandbox,
    vision: service('vision', sandbox.baseUrls.vision),
    textMl: service('text-ml', sandbox.baseUrls.textMl),
  }
}

export type Service = Awaited<ReturnType<typeof withAnalysis>>['vision']

export async function jobIn(response: Response): Promise<Job> {
  const text = await response.text()
  if (response.status >= 300) throw new Error(`${response.status} ${text}`)
  return jobSchema.parse(JSON.parse(text))
}

/** Status and code of a refusal, which has to look as the contract says. */
export async function refusalIn(response: Response): Promise<[number, string]> {
  if (response.headers.get('content-type') !== 'application/problem+json') {
    throw new Error(`${response.status} is no problem: ${await response.text()}`)
  }
  const { status, code } = problemSchema.parse(await response.json())
  if (status !== response.status) throw new Error(`told ${status}, is ${response.status}`)
  return [status, code]
}

/** A body with a text for each; their ids are t0, t1 and so on. */
export const texts = (...all: string[]) => ({
  kind: 'text',
  features: ['sentiment', 'language', 'mentions'],
  items: all.map((text, n) => ({ item_id: `t${n}`, text })),
})

/** A body with a picture for each; their ids are m0, m1 and so on. */
export const pictures = (...urls: string[]) => ({
  kind: 'image',
  features: ['labels', 'faces', 'text'],
  items: urls.map((url, n) => ({ item_id: `m${n}`, image: { url } })),
})

/** The item of an id, in a job that ended. */
export function itemOf({ items }: Job, id: string) {
  const found = items?.find(({ item_id }) => item_id === id)
  if (found === undefined) throw new Error(`the job has no item ${id}`)
  return found
}
