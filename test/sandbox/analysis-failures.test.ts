import { expect, test } from 'vitest'
import {
  itemOf,
  jobIn,
  pictures,
  refusalIn,
  type Service,
  texts,
  withAnalysis,
} from './with-analysis.ts'

async function ended(service: Service, body: object) {
  const { id } = await jobIn(await service.submit(body))
  await service.finish()
  return jobIn(await service.get(id))
}

test('single items fail and the rest succeeds; a job of which all fail has failed', async () => {
  const { textMl, vision } = await withAnalysis({ maxTextLength: 10 })
  await textMl.admin('POST', '/item-fates', [
    { match: 'spam', code: 'content_blocked', message: 'no' },
  ])
  const job = await ended(textMl, texts('fine', 'spam', '   ', 'much too long'))
  expect(job).toMatchObject({
    status: 'partially_succeeded',
    counts: { total: 4, succeeded: 1, failed: 3 },
    error: null,
  })
  expect(['t1', 't2', 't3'].map((id) => itemOf(job, id).error)).toMatchObject([
    { code: 'content_blocked', message: 'no', retriable: false },
    { code: 'unreadable_input' },
    { code: 'too_large' },
  ])
  const [spam] = await textMl.lines('/analysed?text=spam')
  expect(spam).toMatchObject({ accepted: 1, succeeded: 0, failed: 1 })
  const files = await ended(vision, {
    ...pictures('https://pictures.test/a.mp4', 'http://127.0.0.1:9/a.jpg'),
  })
  expect([files.status, files.error?.code]).toEqual(['failed', 'unsupported_input'])
  const codes = ['m0', 'm1'].map((id) => itemOf(files, id).error?.code)
  expect(codes).toEqual(['unsupported_input', 'fetch_failed'])
  await textMl.set({ failShare: 0.5 })
  const many = texts(...Array.from({ length: 60 }, (_, n) => `text ${n}`))
  const [first, second] = [await ended(textMl, many), await ended(textMl, many)]
  expect(first.counts.failed).toBeGreaterThan(10)
  expect(first.counts.failed).toBeLessThan(50)
  expect(first.items).toEqual(second.items)
})

test('jobs can fail whole, never end, say an unknown word, vanish or be canceled', async () => {
  const { textMl } = await withAnalysis()
  await textMl.admin('POST', '/job-fates', [
    { kind: 'fails', match: 'key-fails', retriable: true, code: 'timeout' },
    { kind: 'neverEnds', match: 'key-never' },
    { kind: 'unknownStatus', match: 'key-word' },
    { kind: 'unknownStatus', match: 'key-late', word: 'pondering', ends: true },
    { kind: 'vanishes', match: 'key-vanishes' },
    { kind: 'isCanceled', match: 'key-canceled' },
  ])
  const names = ['fails', 'never', 'word', 'late', 'vanishes', 'canceled', 'well']
  const ids: string[] = []
  for (const name of names)
    ids.push((await jobIn(await textMl.submit(texts(name), `key-${name}`))).id)
  const states = async () => {
    const { data, missing } = await textMl.many(ids)
    const said = [
      ...data.map(({ id, status }) => [id, status] as const),
      ...missing.map(({ id, code }) => [id, code] as const),
    ]
    const byId = new Map(said)
    return ids.map((id) => byId.get(id))
  }
  expect((await states()).join(' ')).toBe(
    'queued queued hibernating pondering not_found queued queued',
  )
  await textMl.advance(100_000)
  expect((await states()).join(' ')).toBe(
    'expired running hibernating expired not_found expired expired',
  )
  await textMl.set({ retentionSeconds: 1_000_000 })
  expect((await states()).join(' ')).toBe(
    'failed running hibernating succeeded not_found canceled succeeded',
  )
  const failed = await jobIn(await textMl.get(ids[0] ?? ''))
  expect(failed.error).toMatchObject({ code: 'timeout', retriable: true })
  expect(failed.items).toBeUndefined()
  const canceled = await textMl.ask('POST', `/jobs/${ids[1]}/cancel`)
  expect(await jobIn(canceled)).toMatchObject({ status: 'canceled', counts: { succeeded: 0 } })
  const tallies = await Promise.all(names.map((name) => textMl.lines(`/analysed?text=${name}`)))
  const [, , word, late, vanished] = tallies.flat()
  expect(tallies.flat()).toMatchObject([
    { failed: 1 },
    { canceled: 1 },
    {},
    {},
    {},
    { canceled: 1 },
    { succeeded: 1 },
  ])
  expect([word, late, vanished]).toMatchObject([
    { succeeded: 0 },
    { succeeded: 1 },
    { succeeded: 0 },
  ])
  expect((await jobIn(await textMl.ask('POST', `/jobs/${ids[6]}/cancel`))).status).toBe('succeeded')
  await textMl.set({ cancel: false, capabilities: false })
  expect(await refusalIn(await textMl.ask('POST', `/jobs/${ids[2]}/cancel`))).toEqual([
    501,
    'not_supported',
  ])
  expect((await textMl.ask('GET', '/capabilities')).status).toBe(404)
})

test.each([
  'resultText',
  'featuresNumbers',
  'percents',
  'itemMissing',
  'itemExtra',
  'noItems',
] as const)('a job that ended can be told in a wrong shape: %s', async (how) => {
  const { textMl } = await withAnalysis()
  const body = texts('Love @it', 'two')
  const right = await ended(textMl, body)
  await textMl.admin('POST', '/job-fates', [{ kind: 'wrongShape', how }])
  const { id } = await jobIn(await textMl.submit(body))
  await textMl.finish()
  const wrong: unknown = await (await textMl.get(id)).json()
  expect(wrong).toMatchObject({ status: 'succeeded' })
  expect(Object(wrong).items).not.toEqual(right.items)
})

test('requests meet 429 bursts, 503 and then success, half answers and lost ones', async () => {
  const { textMl } = await withAnalysis()
  await textMl.admin('POST', '/faults', [
    { kind: 'status', status: 503, match: 'POST /v1/jobs' },
    { kind: 'status', status: 429, times: 3, retryAfter: 7, match: 'GET ' },
    { kind: 'lostAnswer', match: 'POST /v1/jobs' },
  ])
  expect(await refusalIn(await textMl.submit(texts('a'), 'k'))).toEqual([503, 'unavailable'])
  expect(await textMl.lines('/jobs')).toEqual([])
  await expect(textMl.submit(texts('a'), 'k')).rejects.toThrow('fetch failed')
  const known = await textMl.lines<{ id: string }>('/jobs?key=k')
  expect(known).toHaveLength(1)
  const found = await jobIn(await textMl.submit(texts('a'), 'k'))
  expect(found.id).toBe(known[0]?.id)
  for (let n = 0; n < 3; n++) {
    const refused = await textMl.get(found.id)
    expect(refused.headers.get('retry-after')).toBe('7')
    expect(await refusalIn(refused)).toEqual([429, 'rate_limited'])
  }
  expect((await textMl.get(found.id)).status).toBe(200)
  await textMl.admin('POST', '/faults', [{ kind: 'truncate' }])
  await expect(textMl.get(found.id).then((response) => response.text())).rejects.toThrow(
    'terminated',
  )
  await textMl.set({ perSecond: 1 })
  const burst = await Promise.all(Array.from({ length: 5 }, () => textMl.get(found.id)))
  expect(burst.some(({ status }) => status === 429)).toBe(true)
})

test('what is not as it has to be is refused: key, body, size, quota', async () => {
  const { textMl, vision } = await withAnalysis({ scopedKeys: ['other'], maxBodyBytes: 2000 })
  const as = (authorization: string) =>
    textMl.ask('GET', '/capabilities', { headers: { authorization } })
  expect(await refusalIn(await as('Bearer wrong'))).toEqual([401, 'unauthorized'])
  expect(await refusalIn(await as('sandbox-key'))).toEqual([401, 'unauthorized'])
  expect(await refusalIn(await as('Bearer other'))).toEqual([403, 'forbidden'])
  expect(await (await as('Bearer sandbox-key')).json()).toEqual({
    kinds: { text: ['sentiment', 'language', 'mentions'] },
    max_items: 100,
    retention_seconds: 86_400,
  })
  const bad = [
    '{"kind":',
    '[]',
    texts(),
    { ...texts('a'), kind: 'sound' },
    { ...texts('a'), features: [] },
    {
      ...texts('a'),
      items: [
        { item_id: 'x', text: 'a' },
        { item_id: 'x', text: 'b' },
      ],
    },
    texts(''),
    pictures('https://pictures.test/a.jpg'),
  ]
  for (const body of bad) {
    expect(await refusalIn(await textMl.submit(body))).toEqual([400, 'invalid_request'])
  }
  const base64 = { base64: 'aGk=', mime_type: 'image/jpeg' }
  const images = [
    { url: 'ftp://x/y' },
    { base64: 'aGk=' },
    { ...base64, url: 'https://x.test/y' },
    {},
  ]
  for (const image of images) {
    const response = await vision.submit({ ...pictures(), items: [{ item_id: 'm', image }] })
    expect(await refusalIn(response)).toEqual([400, 'invalid_request'])
  }
  const fine = await vision.submit({
    ...pictures(),
    items: [{ item_id: 'm', image: base64, x: 1 }],
  })
  expect(fine.status).toBe(202)

  expect(await refusalIn(await textMl.submit(texts('a'.repeat(2000))))).toEqual([413, 'too_large'])
  await textMl.set({ maxBodyBytes: 1_048_576 })
  const hundred = Array.from({ length: 101 }, (_, n) => `text ${n}`)
  expect(await refusalIn(await textMl.submit(texts(...hundred)))).toEqual([413, 'too_large'])
  const megabyte = texts(...hundred.slice(1).map((text) => text + 'я'.repeat(5300)))
  expect(await refusalIn(await textMl.submit(megabyte))).toEqual([413, 'too_large'])
  await textMl.set({ quota: 100 })
  expect((await textMl.submit(texts(...hundred.slice(1)))).status).toBe(202)
  expect(await refusalIn(await textMl.submit(texts('a')))).toEqual([402, 'quota_exhausted'])
})

test('videos are a kind of their own, where the service takes them', async () => {
  const { vision } = await withAnalysis()
  const films = {
    kind: 'video',
    features: ['labels'],
    items: [{ item_id: 'v', video: { url: 'https://pictures.test/a.mp4' } }],
  }
  expect((await vision.submit(films)).status).toBe(400)
  await vision.set({ video: true })
  expect(await (await vision.ask('GET', '/capabilities')).json()).toMatchObject({
    kinds: { image: ['labels', 'faces', 'text'], video: ['labels', 'faces', 'text'] },
  })
  const job = await ended(vision, films)
  expect(Object.keys(itemOf(job, 'v').result ?? {})).toEqual(['labels'])
})
