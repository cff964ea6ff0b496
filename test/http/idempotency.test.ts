import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { callOfKey } from '../../src/db/idempotency-keys.ts'
import { createDatabase } from '../support/database.ts'
import { created, payload, problemIn, withDoor } from '../support/door.ts'
import { until } from '../support/until.ts'

const keyed = (key: string) => ({ 'idempotency-key': key })

test('the same key and body: the same answer, one job call, one object', async () => {
  const { post, db, s3 } = await withDoor()
  const first = await created(await post(payload, keyed('one')))
  expect(await created(await post(payload, keyed('one')))).toEqual(first)
  // Spaces are no other body.
  expect(await created(await post(JSON.stringify(payload, null, 2), keyed('one')))).toEqual(first)
  const other = await created(await post(payload, keyed('two')))
  expect(other.id).not.toBe(first.id)
  const none = await created(await post(payload))
  expect(await db.selectFrom('ledger.job_calls').select('id').orderBy('id').execute()).toEqual([
    { id: first.id },
    { id: other.id },
    { id: none.id },
  ])
  expect((await s3.keys()).length).toBe(3)
})

test('the same key with another body: 422, and nothing done', async () => {
  const { post, s3 } = await withDoor()
  const first = await created(await post(payload, keyed('one')))
  const other = { ...payload, product: { name: 'other' } }
  expect((await problemIn(await post(other, keyed('one')))).status).toBe(422)
  expect(await s3.keys()).toEqual([first.key])
})

test('while the first is under way: 409 that names its job call; then its answer', async () => {
  const { post, s3, db } = await withDoor()
  await created(await post(payload))
  s3.fault({ slowMs: 700 })
  const first = post(payload, keyed('one'))
  await until('the key is there', async () => {
    return (await db.selectFrom('ledger.idempotency_keys').selectAll().execute()).length === 1
  })
  const problem = await problemIn(await post(payload, keyed('one')))
  const answer = await created(await first)
  expect(problem).toMatchObject({ status: 409, job_call_id: answer.id })
  expect(await created(await post(payload, keyed('one')))).toEqual(answer)
})

test('one that is queued and not yet begun is under way too', async () => {
  const { db } = await createDatabase()
  const call = {
    job: 'demo-import',
    trigger: 'http',
    subject: '',
    params: {},
    wake: false,
  } as const
  const ask = () => callOfKey(db, 'one', Buffer.from('hash'), call)
  const first = await ask()
  expect(first).toMatchObject({ kind: 'run' })
  expect(await ask()).toEqual({ ...first, kind: 'running' })
})

test('fifty at once with one key: one is done, each answer is that or a 409', async () => {
  const { post, s3 } = await withDoor()
  const before = await created(await post(payload))
  const responses = await Promise.all(Array.from({ length: 50 }, () => post(payload, keyed('one'))))
  const statuses = responses.map(({ status }) => status)
  expect(new Set(statuses).difference(new Set([201, 409]))).toEqual(new Set())
  const good = await Promise.all(responses.filter(({ status }) => status === 201).map(created))
  expect(new Set(good.map(({ id }) => id)).size).toBe(1)
  expect((await s3.keys()).toSorted()).toEqual([before.key, good[0]?.key])
})

test('one that failed is tried again under the same id, and writes the same object', async () => {
  const { post, s3, db } = await withDoor()
  await created(await post(payload))
  s3.fault('gone')
  const problem = await problemIn(await post(payload, keyed('one')))
  expect(problem.status).toBe(503)
  s3.fault(undefined)
  const answer = await created(await post(payload, keyed('one')))
  expect(answer.id).toBe(problem.job_call_id)
  const call = await db
    .selectFrom('ledger.job_calls')
    .selectAll()
    .where('id', '=', answer.id)
    .executeTakeFirstOrThrow()
  expect(call).toMatchObject({ status: 'succeeded', attempt: 2, error: null })
  expect((await s3.keys()).length).toBe(2)
})

test('the answer is told again, also where its process ended before it was kept', async () => {
  const { post, db } = await withDoor()
  const answer = await created(await post(payload, keyed('one')))
  await sql`update ledger.idempotency_keys set answer = null, answered_at = null`.execute(db)
  expect(await created(await post(payload, keyed('one')))).toEqual(answer)
  // The ledger may have dropped the month of the call by then.
  await created(await post(payload, keyed('two')))
  const two = await created(await post(payload, keyed('two')))
  await db.deleteFrom('ledger.job_calls').execute()
  expect(await created(await post(payload, keyed('two')))).toEqual(two)
})
