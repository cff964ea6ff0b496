import { expect, test } from 'vitest'
import { itemOf, jobIn, pictures, refusalIn, texts, withAnalysis } from './with-analysis.ts'

test('a job is accepted with 202 and both headers, runs, and ends with every item', async () => {
  const { textMl, sandbox } = await withAnalysis({ minSeconds: 60, maxSeconds: 60 })
  const response = await textMl.submit({ ...texts('Love it', 'ok'), client_ref: 'post-77' }, 'k1')
  const { id, status, completed_at: completedAt } = await jobIn(response.clone())
  const url = `${sandbox.baseUrls.textMl}/v1/jobs/${id}`
  const header = (name: string) => response.headers.get(name)
  expect([response.status, status, completedAt]).toEqual([202, 'queued', null])
  expect([header('location'), header('operation-location'), header('retry-after')]).toEqual([
    url,
    url,
    '1',
  ])
  await textMl.advance(30)
  const running = await textMl.get(id)
  expect(running.headers.get('retry-after')).toBe('1')
  expect(await jobIn(running)).toMatchObject({ status: 'running', client_ref: 'post-77' })
  await textMl.set({ retryAfterAs: 'date', retryAfterSeconds: 600 })
  const date = (await textMl.get(id)).headers.get('retry-after') ?? ''
  expect(Date.parse(date) - Date.now()).toBeGreaterThan(500_000)
  expect(Date.parse(date) - Date.now()).toBeLessThan(602_000)
  const log = await (await fetch(`${sandbox.url}/_sandbox/log`)).text()
  expect(log).toContain('"detail":"kind=text ref=post-77 items=2 t0,t1"')
  expect(log).not.toMatch(/Love it|sandbox-key/)
  await textMl.advance(30)
  const done = await textMl.get(id)
  expect(done.headers.get('retry-after')).toBeNull()
  const job = await jobIn(done)
  expect(job).toMatchObject({ status: 'succeeded', counts: { total: 2, succeeded: 2, failed: 0 } })
  expect(job.items?.map(({ item_id }) => item_id).toSorted()).toEqual(['t0', 't1'])
  const [from, to] = [job.completed_at, job.expires_at].map((time) => Date.parse(time ?? ''))
  expect((to ?? 0) - (from ?? 0)).toBe(86_400_000)
})

test('the same key and body give the same job, whatever the order of keys; another body is 422', async () => {
  const { textMl } = await withAnalysis()
  const body = texts('one', 'two')
  const first = await jobIn(await textMl.submit(body, 'key-1'))
  const { items, kind, features } = body
  const again = await textMl.submit({ items, features, kind }, '"key-1"')
  expect([again.status, (await jobIn(again)).id]).toEqual([202, first.id])
  expect(await refusalIn(await textMl.submit(texts('one', 'three'), 'key-1'))).toEqual([
    422,
    'idempotency_key_reused',
  ])
  const without = await Promise.all([textMl.submit(body), textMl.submit(body)])
  const ids = await Promise.all(without.map(async (one) => (await jobIn(one)).id))
  expect(new Set([first.id, ...ids]).size).toBe(3)
  expect(await textMl.lines('/jobs?key=key-1')).toMatchObject([{ id: first.id, accepted: 2 }])
})

test('a key whose first request is still being answered is 409, then the job', async () => {
  const { textMl } = await withAnalysis({ latencyMs: 1500 })
  const both = [textMl.submit(texts('one'), 'k'), textMl.submit(texts('one'), 'k')]
  const answers = await Promise.all(both)
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([202, 409])
  const refused = answers.find(({ status }) => status === 409)
  expect(refused && (await refusalIn(refused))).toEqual([409, 'in_progress'])
  await textMl.set({ latencyMs: 0 })
  expect((await textMl.submit(texts('one'), 'k')).status).toBe(202)
  expect(await textMl.lines('/jobs')).toHaveLength(1)
})

test('many at once: what is missing is told, the rest comes in another order', async () => {
  const { textMl } = await withAnalysis({ retentionSeconds: 100 })
  const old = await jobIn(await textMl.submit(texts('old'), 'k-old'))
  await textMl.finish()
  await textMl.advance(101)
  const all = Array.from({ length: 12 }, (_, n) => textMl.submit(texts(`text ${n}`)))
  const ids = await Promise.all(all.map(async (one) => (await jobIn(await one)).id))
  const { data, missing } = await textMl.many([...ids, old.id, 'job_none', ids[0] ?? ''])
  expect(data.map(({ id }) => id).toSorted()).toEqual(ids.toSorted())
  expect(data.map(({ id }) => id)).not.toEqual(ids)
  expect(missing).toEqual([
    { id: old.id, code: 'expired' },
    { id: 'job_none', code: 'not_found' },
  ])
  expect(await refusalIn(await textMl.get(old.id))).toEqual([410, 'expired'])
  expect(await refusalIn(await textMl.get('job_none'))).toEqual([404, 'not_found'])
  expect(await refusalIn(await textMl.submit(texts('old'), 'k-old'))).toEqual([410, 'expired'])
  expect(await refusalIn(await textMl.ask('GET', '/jobs'))).toEqual([400, 'invalid_request'])
  const tooMany = Array.from({ length: 101 }, () => 'x').join()
  expect((await textMl.ask('GET', `/jobs?ids=${tooMany}`)).status).toBe(400)
})

test('it ends after so many polls, and the polls are in the book', async () => {
  const { textMl } = await withAnalysis({ minSeconds: 0, maxSeconds: 0, pollsBeforeEnd: 2 })
  const { id } = await jobIn(await textMl.submit(texts('a')))
  const other = await jobIn(await textMl.submit(texts('b')))
  const statuses = []
  for (let n = 0; n < 3; n++) statuses.push((await textMl.many([id])).data[0]?.status)
  expect(statuses).toEqual(['running', 'running', 'succeeded'])
  expect((await jobIn(await textMl.get(other.id))).status).toBe('running')
  expect(await textMl.lines('/polls')).toMatchObject([
    { ids: 1, open: 2, ended: 0 },
    { ids: 1, open: 2, ended: 0 },
    { ids: 1, open: 2, ended: 1 },
    { ids: 1, open: 1, ended: 0 },
  ])
})

test('a result follows from the content alone; each content is counted', async () => {
  const { vision, textMl } = await withAnalysis()
  const url = 'https://pictures.test/a.jpg'
  const first = await jobIn(await vision.submit(pictures(`${url}?oh=1`, `${url}?oh=2`)))
  const second = await jobIn(await vision.submit({ ...pictures(url), features: ['labels', 'age'] }))
  await vision.finish()
  const [one, two] = [
    await jobIn(await vision.get(first.id)),
    await jobIn(await vision.get(second.id)),
  ]
  const { result } = itemOf(one, 'm0')
  expect(Object.keys(result ?? {})).toEqual(['labels', 'faces', 'text'])
  expect(itemOf(one, 'm1').result).toEqual(result)
  expect(itemOf(two, 'm0').result).toEqual({ labels: result?.['labels'] })
  expect(await vision.lines('/analysed')).toEqual([
    { content: `url:${url}`, accepted: 3, succeeded: 3, failed: 0, canceled: 0 },
  ])
  const read = await jobIn(await textMl.submit(texts('Привет 👋 @demo.bakery. #хлеб')))
  await textMl.finish()
  expect(itemOf(await jobIn(await textMl.get(read.id)), 't0').result).toMatchObject({
    language: { code: 'ru' },
    mentions: [
      { type: 'handle', text: '@demo.bakery', normalized: 'demo.bakery', offset: 10, length: 12 },
      { type: 'hashtag', text: '#хлеб', offset: 24, offset_unit: 'utf16' },
    ],
  })
})
