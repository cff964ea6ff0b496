import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { defaultOptions, type ReplicateOptions } from '../../sandbox/replicate/options.ts'
import { startSandbox } from '../../sandbox/server.ts'
import { objectIn } from './with-apollo.ts'

const predictionSchema = z.object({
  id: z.string().regex(/^[a-z0-9]{26}$/),
  model: z.string(),
  version: z.string(),
  input: z.record(z.string(), z.unknown()),
  output: z.unknown(),
  logs: z.string(),
  error: z.string().nullable(),
  status: z.string(),
  source: z.literal('api'),
  data_removed: z.boolean(),
  created_at: z.iso.datetime(),
  started_at: z.iso.datetime().nullable(),
  completed_at: z.iso.datetime().nullable(),
  metrics: z.object({ predict_time: z.number().optional(), total_time: z.number() }).optional(),
  urls: z.object({ get: z.url(), cancel: z.url(), web: z.url() }),
})
const listSchema = z.strictObject({
  previous: z.url().nullable(),
  next: z.url().nullable(),
  results: z.array(predictionSchema),
})
type Prediction = z.infer<typeof predictionSchema>

const [vision, text] = defaultOptions.models.map(({ version }) => version)
const versions = new Map(defaultOptions.models.map(({ name, version }) => [name, version]))
const picture = (n: number) => ({
  version: vision,
  input: { image: `https://pictures.test/${n}.jpg?oh=1` },
})

async function read(response: Promise<Response>): Promise<Prediction> {
  return predictionSchema.parse(await (await response).json())
}

async function withReplicate(options: Partial<ReplicateOptions> = {}) {
  const sandbox = await startSandbox({
    amocrm: { companies: 1, contacts: 1 },
    replicate: { latencyMs: 0, failShare: 0, ...options },
  })
  onTestFinished(() => sandbox.close())
  const ask = (method: string, address: string, body?: unknown, more: object = {}) =>
    fetch(address.startsWith('http') ? address : `${sandbox.baseUrls.replicate}/v1${address}`, {
      method,
      headers: { authorization: 'Bearer sandbox-key', ...more },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  const admin = async (method: string, path: string, body?: unknown) => {
    const address = `${sandbox.url}/_sandbox/replicate${path}`
    const response = await fetch(address, { method, body: body ? JSON.stringify(body) : null })
    if (!response.ok) throw new Error(await response.text())
    return response.text()
  }
  return {
    ask,
    admin,
    create: (body: object) => read(ask('POST', '/predictions', body)),
    get: (id: string) => read(ask('GET', `/predictions/${id}`)),
    advance: (advanceSeconds: number) => admin('POST', '/clock', { advanceSeconds }),
  }
}

test('a prediction is created, starts, processes and succeeds; after an hour its data are gone', async () => {
  const { ask, get, advance, admin } = await withReplicate({ minSeconds: 10, maxSeconds: 10 })
  const response = await ask('POST', '/predictions', picture(1))
  expect(response.status).toBe(201)
  const made = await read(Promise.resolve(response))
  expect(made).toMatchObject({
    status: 'starting',
    output: null,
    started_at: null,
    version: vision,
  })
  await advance(5)
  expect((await get(made.id)).status).toBe('processing')
  await advance(5)
  const done = await read(ask('GET', made.urls.get))
  expect(done).toMatchObject({ status: 'succeeded', error: null, metrics: { total_time: 10 } })
  expect(Object.keys(Object(done.output))).toEqual(['labels', 'faces', 'text'])
  expect((await read(ask('POST', made.urls.cancel))).status).toBe('succeeded')
  await advance(3599)
  expect(await get(made.id)).toMatchObject({ data_removed: false, output: done.output })
  await advance(2)
  expect(await get(made.id)).toMatchObject({
    status: 'succeeded',
    data_removed: true,
    input: {},
    output: null,
    logs: '',
  })
  expect(await admin('GET', '/analysed')).toBe(
    '{"content":"url:https://pictures.test/1.jpg","accepted":1,"succeeded":1,"failed":0,"canceled":0}\n',
  )
})

test('no key makes two calls one, and the list goes by cursors, the newest first', async () => {
  const { ask, create } = await withReplicate({ perPage: 3 })
  const ids: string[] = []
  for (let n = 0; n < 7; n++) ids.push((await create(picture(0))).id)
  expect(new Set(ids).size).toBe(7)
  const seen: string[] = []
  let next: string | null = '/predictions'
  while (next !== null) {
    const list = listSchema.parse(await (await ask('GET', next)).json())
    seen.push(...list.results.map(({ id }) => id))
    next = list.next
    // New ones don't shift what follows.
    if (seen.length === 3) await create(picture(9))
  }
  expect(seen).toEqual(ids.toReversed())
})

test('it fails, is aborted or canceled, never ends, vanishes, says an unknown word or gives a number', async () => {
  const { create, get, admin, ask } = await withReplicate()
  const fates = ['fails', 'isAborted', 'neverEnds', 'unknownStatus', 'outputNumber', 'vanishes']
  const faults = fates.map((kind, n) => ({ kind, match: `/${n}.jpg` }))
  await admin('POST', '/fates', faults)
  const made: Prediction[] = []
  for (let n = 0; n < 8; n++) made.push(await create(picture(n)))
  await read(ask('POST', made[6]?.urls.cancel ?? ''))
  const dead = await create({ version: vision, input: { image: 'http://localhost/x.jpg' } })
  await admin('POST', '/finish')
  const states: string[] = []
  for (const { id } of made) {
    const response = await ask('GET', `/predictions/${id}`)
    states.push(response.status === 200 ? (await get(id)).status : String(response.status))
  }
  expect(states.join(' ')).toBe(
    'failed aborted processing hibernating succeeded 404 canceled succeeded',
  )
  expect((await get(made[0]?.id ?? '')).error).toBe('CUDA out of memory')
  expect((await get(made[1]?.id ?? '')).started_at).toBeNull()
  expect((await get(made[4]?.id ?? '')).output).toBe(42)
  expect(await get(dead.id)).toMatchObject({ status: 'failed', output: null })
  expect((await get(dead.id)).error).toContain('out of reach')
})

test('refusals: token, version, input, credit, and a 429 that says when only in words', async () => {
  const { ask, admin } = await withReplicate({ createsPerWindow: 5, othersPerWindow: 3 })
  const refused = async (body: unknown, more = {}) => {
    const response = await ask('POST', '/predictions', body, more)
    const { status, title, detail } = await objectIn(response)
    expect([status, typeof title, typeof detail]).toEqual([response.status, 'string', 'string'])
    return response.status
  }
  expect(await refused(picture(1), { authorization: 'Bearer nobody' })).toBe(401)
  expect(await refused({ ...picture(1), version: '99'.repeat(32) })).toBe(422)
  expect(await refused({ version: vision, input: {} })).toBe(422)
  expect(await refused({ version: text, input: { image: 'https://pictures.test/1.jpg' } })).toBe(
    422,
  )
  await admin('PATCH', '/settings', { credits: 0 })
  expect(await refused(picture(1))).toBe(402)
  await admin('PATCH', '/settings', { credits: null })
  expect((await ask('POST', '/predictions', picture(1))).status).toBe(201)
  const throttled = await ask('POST', '/predictions', picture(1))
  expect([throttled.status, throttled.headers.get('retry-after')]).toEqual([429, null])
  expect(Object.keys(await objectIn(throttled))).toEqual(['detail'])
  await admin('PATCH', '/settings', { throttledAs: 'full', retryAfter: true })
  const full = await ask('POST', '/predictions', picture(1))
  const { retry_after: seconds } = await objectIn(full)
  expect(String(seconds)).toBe(full.headers.get('retry-after'))
  expect(seconds).toBeGreaterThan(0)
  for (let n = 0; n < 3; n++) expect((await ask('GET', '/predictions')).status).toBe(200)
  expect((await ask('GET', '/predictions')).status).toBe(429)
})

test('Prefer: wait holds the answer until the end, or until it has waited long enough', async () => {
  const { ask, admin } = await withReplicate({ minSeconds: 0, maxSeconds: 0.05 })
  const prefer = { prefer: 'wait=1' }
  const done = await ask('POST', '/predictions', picture(1), prefer)
  expect([done.status, (await read(Promise.resolve(done))).status]).toEqual([201, 'succeeded'])
  await admin('PATCH', '/settings', { minSeconds: 100, maxSeconds: 100 })
  const late = await ask('POST', '/predictions', picture(2), prefer)
  expect([late.status, (await read(Promise.resolve(late))).status]).toEqual([202, 'starting'])
})

test('a text gives what the text service gives, a picture the same by address and in the body', async () => {
  const { ask, create, get, admin } = await withReplicate()
  const words = await create({ version: `sandbox/text:${text}`, input: { text: 'Love @it' } })
  const image = 'data:image/jpeg;base64,aGk='
  const [one, two] = [
    { version: vision, input: { image } },
    { version: vision, input: { image } },
  ]
  const same = [await create(one), await create(two)]
  await admin('POST', '/finish')
  expect((await get(words.id)).output).toMatchObject({ sentiment: { label: 'positive' } })
  const outputs = await Promise.all(same.map(async ({ id }) => (await get(id)).output))
  expect(outputs[0]).toEqual(outputs[1])
  await admin('POST', '/faults', [{ kind: 'status', status: 500, match: 'GET /v1/predictions' }])
  expect(await objectIn(await ask('GET', '/predictions'))).toMatchObject({ status: 500 })
})

test('what an output looks like depends on the model', async () => {
  const { create, get, admin } = await withReplicate()
  const outputOf = async (name: string) => {
    const { id } = await create({ ...picture(3), version: versions.get(name) })
    await admin('POST', '/finish')
    return (await get(id)).output
  }
  const { labels } = Object(await outputOf('sandbox/vision'))
  const names: string[] = labels.map(({ name }: { name: string }) => name)
  expect(names.length).toBeGreaterThan(0)
  const { detections } = Object(await outputOf('sandbox/detector'))
  expect(detections.map(({ label }: { label: string }) => label)).toEqual(names)
  const caption = `a picture of ${names.join(', ').toLowerCase()}`
  expect(await outputOf('sandbox/tagger')).toEqual({ tags: names.join(', ').toLowerCase() })
  expect(await outputOf('sandbox/captioner')).toBe(caption)
  const pieces = Object(await outputOf('sandbox/llava'))
  expect(pieces.length).toBeGreaterThan(3)
  expect(pieces.join('')).toBe(caption)
})
