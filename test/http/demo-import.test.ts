import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { created, payload, problemIn, withDoor } from '../support/door.ts'
import { isForeignS3 } from '../support/s3.ts'
import { until } from '../support/until.ts'

type Door = Awaited<ReturnType<typeof withDoor>>

const puts = ({ s3 }: Door, key?: string) =>
  s3.log().filter((one) => one.method === 'PUT' && one.key !== '' && (!key || one.key === key))

const jobCalls = async ({ db }: Door) =>
  await db.selectFrom('ledger.job_calls').selectAll().orderBy('id').execute()

test('one PUT, before the answer; what is in the object, and what the ledger tells', async () => {
  const door = await withDoor()
  const body = {
    product: { name: 'Лампа 💡', price: 12.5, tags: ['a', null] },
    segments: [{ name: 'hotels', size: { min: 1 } }, { name: 'offices' }],
    note: 'kept too',
  }
  await created(await door.post(payload))
  const answer = await created(await door.post(body))
  const answered = Date.now()
  expect(answer).toMatchObject({
    bucket: door.s3.bucket,
    key: `demo-imports/${answer.id}.json`,
  })
  // Read at once: it is there.
  expect(JSON.parse(String(await door.s3.read(answer.key)))).toEqual(body)
  await until('the put is logged', () => puts(door, answer.key).length > 0)
  await setTimeout(200)
  const [put, ...more] = puts(door, answer.key)
  expect(more).toEqual([])
  expect(put?.status).toBe(200)
  expect(Date.parse(put?.began ?? '')).toBeLessThanOrEqual(answered)

  const call = (await jobCalls(door)).find(({ id }) => id === answer.id)
  expect(call).toMatchObject({
    job: 'demo-import',
    trigger: 'http',
    subject: 'Лампа 💡',
    status: 'succeeded',
    attempt: 1,
    result: answer,
  })
  const rows = await door.db
    .selectFrom('ledger.service_calls')
    .selectAll()
    .where('job_call_id', '=', answer.id)
    .execute()
  const bytes = Buffer.byteLength(JSON.stringify(body))
  expect(rows).toMatchObject([
    { service: 'minio', operation: 'put', subject: answer.key, status: 'done', requests: 1, bytes },
  ])
})

test('1,000 at once: each 201 has its object, each object its 201 and its job call', async () => {
  const door = await withDoor()
  const began = performance.now()
  const answers = await Promise.all(
    Array.from({ length: 1000 }, async (_, n) => {
      const response = await door.post({
        product: { name: `product ${n}` },
        segments: [{ name: 's' }],
      })
      return { n, ...(await created(response)) }
    }),
  )
  console.log(`1,000 demo imports in ${Math.round(performance.now() - began)} ms`)
  const keys = await door.s3.keys()
  expect(keys.toSorted()).toEqual(answers.map(({ key }) => key).toSorted())
  const calls = await jobCalls(door)
  expect(calls.map(({ id }) => id)).toEqual(answers.map(({ id }) => id).toSorted())
  expect(new Set(calls.map(({ status }) => status))).toEqual(new Set(['succeeded']))
  for (const { n, key } of answers.slice(0, 50)) {
    expect(JSON.parse(String(await door.s3.read(key))).product.name).toBe(`product ${n}`)
  }
  expect(puts(door).filter(({ status }) => status === 200).length).toBe(1000)
})

test('without the token: 401, and neither object nor job call', async () => {
  const door = await withDoor()
  for (const authorization of [
    '',
    'Bearer',
    'Bearer wrong',
    'Basic YTpi',
    'a-token-of-the-tests',
  ]) {
    const response = await door.post(payload, { authorization })
    expect((await problemIn(response)).status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe('Bearer')
  }
  const spelt = await fetch(`${door.url}/%61pi/demo-import`, { method: 'POST' })
  expect((await problemIn(spelt)).status).toBe(401)
  expect([await jobCalls(door), door.s3.log()]).toEqual([[], []])
  await created(await door.post(payload, { authorization: 'bearer a-token-of-the-tests' }))
})

test('the storage gone, cut off or refusing: a problem, and a job call that says why', async () => {
  const door = await withDoor()
  await created(await door.post(payload))
  for (const fault of ['gone', 'cut', 'unavailable', 'answer lost'] as const) {
    door.s3.fault(fault)
    const problem = await problemIn(await door.post(payload))
    expect([fault, problem.status]).toEqual([fault, 503])
    const call = (await jobCalls(door)).find(({ id }) => id === problem.job_call_id)
    expect(call).toMatchObject({
      status: 'failed',
      error: { kind: fault === 'unavailable' ? 'upstream' : 'network', service: 'minio' },
    })
  }
  door.s3.fault(undefined)
  // An answer that got lost left an object; it has its job call, like any other.
  const named = new Set((await jobCalls(door)).map(({ id }) => `demo-imports/${id}.json`))
  const keys = await door.s3.keys()
  expect(keys.length).toBe(2)
  expect(keys.filter((key) => !named.has(key))).toEqual([])
  await created(await door.post(payload))
})

test('a storage that hangs: a problem within 10 s, also for those that wait their turn', async () => {
  const door = await withDoor()
  await created(await door.post(payload))
  door.s3.fault('hang')
  const took = await Promise.all(
    Array.from({ length: 40 }, async () => {
      const began = performance.now()
      expect((await problemIn(await door.post(payload))).status).toBe(503)
      return performance.now() - began
    }),
  )
  expect(Math.max(...took)).toBeLessThan(10_000)
  expect(Math.max(...took)).toBeGreaterThan(7000)
  const calls = await jobCalls(door)
  const failed = calls.filter(({ status }) => status === 'failed')
  expect(failed.length).toBe(calls.length - 1)
  for (const { error } of failed) expect(error).toMatchObject({ kind: 'network', service: 'minio' })
})

test.skipIf(isForeignS3)(
  'the S3 server killed among 200: each object has a job call, each 201 its object',
  async () => {
    const door = await withDoor()
    await created(await door.post(payload))
    const asked = Array.from({ length: 200 }, () => door.post(payload))
    await until('some are written', () => puts(door).length > 30)
    door.s3.kill()
    const responses = await Promise.all(asked)
    await door.s3.restart()
    const good = await Promise.all(responses.filter(({ status }) => status === 201).map(created))
    const bad = await Promise.all(responses.filter(({ status }) => status !== 201).map(problemIn))
    expect(good.length).toBeGreaterThan(20)
    expect(new Set(bad.map(({ status }) => status))).toEqual(new Set([503]))
    const keys = new Set(await door.s3.keys())
    for (const { key } of good) expect(keys.has(key)).toBe(true)
    const calls = new Map(
      (await jobCalls(door)).map((call) => [`demo-imports/${call.id}.json`, call]),
    )
    for (const key of keys) expect(calls.get(key)?.status).toMatch(/succeeded|failed/)
    // On a slow machine some turns do not come: then nothing was done.
    const turnedAway = bad.filter(({ detail }) => detail?.includes('nothing was done'))
    expect(calls.size).toBe(201 - turnedAway.length)
  },
)

test('clients that leave: every object has its job call, and none is left open', async () => {
  const door = await withDoor()
  await created(await door.post(payload))
  door.s3.fault({ slowMs: 30 })
  await Promise.all(
    Array.from({ length: 60 }, async (_, n) => {
      const leave = new AbortController()
      const asked = door.post(payload, {}, leave.signal).catch(() => undefined)
      await setTimeout(n * 5)
      leave.abort()
      await asked
    }),
  )
  const calls = await until('all calls are over', async () => {
    const all = await jobCalls(door)
    return all.every(({ finished_at }) => finished_at !== null) && door.s3.open() === 0 && all
  })
  const named = new Set(calls.map(({ id }) => `demo-imports/${id}.json`))
  const keys = await door.s3.keys()
  expect(keys.length).toBeGreaterThan(1)
  expect(keys.filter((key) => !named.has(key))).toEqual([])
  expect(calls.filter(({ status }) => status !== 'succeeded')).toEqual([])
})
