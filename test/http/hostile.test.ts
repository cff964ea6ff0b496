import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { created, payload, problemIn, withDoor } from '../support/door.ts'

/** What JSON can say and a program may trip over. */
const nasty = fc.oneof(
  fc.constantFrom(
    '\u0000',
    'a\ud800',
    '\udfff',
    '__proto__',
    'constructor',
    '"; drop table ledger.job_calls; --',
    '../../etc/passwd',
    '=1+1',
    '\u202e',
    '💡'.repeat(300),
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
)
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    nasty,
    fc.constantFrom(null, true, 0, -0, 1e308, Number.MAX_SAFE_INTEGER),
    fc.double({ noDefaultInfinity: true, noNaN: true }),
    fc.array(tie('any'), { maxLength: 5 }),
    fc.dictionary(nasty, tie('any'), { maxKeys: 5 }),
  ),
})).any

const tame = fc.record({
  product: fc.record({ name: fc.string({ unit: 'grapheme', minLength: 1 }), size: fc.integer() }),
  segments: fc.array(fc.record({ name: fc.string({ unit: 'grapheme', minLength: 1 }) }), {
    minLength: 1,
    maxLength: 4,
  }),
  more: fc.jsonValue({ stringUnit: 'grapheme' }),
})

const named = fc
  .tuple(fc.oneof(nasty, value), fc.dictionary(nasty, value, { maxKeys: 3 }))
  .map(([name, more]) => ({ ...more, name }))
/** Of the right shape, with anything in it. */
const beside = fc.record(
  { product: named, segments: fc.array(named, { maxLength: 4 }), more: value },
  { requiredKeys: [] },
)

test('random bodies: a 201 with its object or a 400 without, never a 500, never a hang', async () => {
  const { post, s3, db } = await withDoor()
  const expected = new Map<string, unknown>()
  const counts: Record<number, number> = {}
  await fc.assert(
    fc.asyncProperty(fc.oneof(tame, beside, value), async (body) => {
      const text = JSON.stringify(body)
      const response = await post(text, {}, AbortSignal.timeout(15_000))
      counts[response.status] = (counts[response.status] ?? 0) + 1
      if (response.status === 201) expected.set((await created(response)).key, JSON.parse(text))
      else await problemIn(response)
    }),
    { numRuns: 400 },
  )
  console.log('answers to 400 random bodies:', counts)
  expect(Object.keys(counts)).toEqual(['201', '400'])
  expect(counts[201]).toBeGreaterThan(50)
  expect(counts[400]).toBeGreaterThan(50)
  expect((await s3.keys()).toSorted()).toEqual([...expected.keys()].toSorted())
  for (const [key, body] of expected) expect(JSON.parse(String(await s3.read(key)))).toEqual(body)
  const calls = await db.selectFrom('ledger.job_calls').select('id').execute()
  expect(calls.length).toBe(expected.size)
})

const good = JSON.stringify(payload)
const hostile: [name: string, body: string][] = [
  ['nested 400,000 deep', '['.repeat(400_000) + ']'.repeat(400_000)],
  [
    'nested deep inside',
    `{"product":{"name":"p","x":${'['.repeat(70)}${']'.repeat(70)}},"segments":[{"name":"s"}]}`,
  ],
  [
    'nested deep inside, objects',
    `{"product":{"name":"p","x":${'{"a":'.repeat(90_000)}1${'}'.repeat(90_000)}},"segments":[{"name":"s"}]}`,
  ],
  ['a number beyond all', '{"product":{"name":"p","x":1e999},"segments":[{"name":"s"}]}'],
  ['a NUL in a name', '{"product":{"name":"p\\u0000"},"segments":[{"name":"s"}]}'],
  ['a NUL in a key', '{"product":{"name":"p","a\\u0000":1},"segments":[{"name":"s"}]}'],
  ['half a character', '{"product":{"name":"p\\ud83d"},"segments":[{"name":"s"}]}'],
  ['a prototype', '{"product":{"name":"p","__proto__":{"x":1}},"segments":[{"name":"s"}]}'],
  [
    'a constructor',
    '{"product":{"name":"p","constructor":{"prototype":{}}},"segments":[{"name":"s"}]}',
  ],
  ['two values', `${good}${good}`],
  ['a trailing comma', '{"product":{"name":"p"},"segments":[{"name":"s"},]}'],
  ['segments as an object', '{"product":{"name":"p"},"segments":{"0":{"name":"s"},"length":1}}'],
  ['a product as a list', '{"product":[{"name":"p"}],"segments":[{"name":"s"}]}'],
  ['a name of spaces', '{"product":{"name":"\\u00a0\\t"},"segments":[{"name":"s"}]}'],
  ['100,000 wrong segments', `{"product":{"name":"p"},"segments":[${'{},'.repeat(100_000)}{}]}`],
  ['a BOM and UTF-16', Buffer.from(`\ufeff${good}`, 'utf16le').toString('latin1')],
]

test('hostile bodies: each a 400, and no object', async () => {
  const { post, s3, db } = await withDoor()
  for (const [name, body] of hostile) {
    const response = await post(body, {}, AbortSignal.timeout(15_000))
    expect([name, (await problemIn(response)).status]).toEqual([name, 400])
  }
  expect(await s3.keys()).toEqual([])
  expect(await db.selectFrom('ledger.job_calls').select('id').execute()).toEqual([])
  await created(await post(payload))
})

test('bytes that are no UTF-8: a 400', async () => {
  const { url, post, s3 } = await withDoor()
  const headers = {
    authorization: 'Bearer a-token-of-the-tests',
    'content-type': 'application/json',
  }
  const bytes = Buffer.concat([
    Buffer.from('{"product":{"name":"'),
    Buffer.from([0xff, 0xfe, 0xc0]),
  ])
  const broken = await fetch(`${url}/api/demo-import`, { method: 'POST', headers, body: bytes })
  expect((await problemIn(broken)).status).toBe(400)
  expect(await s3.keys()).toEqual([])
  await created(await post(payload))
})
