import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { readAnswer } from '../../src/etl/extract/answer.ts'
import { parseJson } from '../../src/etl/extract/parse-json.ts'

/** What the engine itself says a number was written as. */
function byReviver(text: string): unknown {
  return JSON.parse(text, keepLong as Parameters<typeof JSON.parse>[1])
}

const keepLong = (_key: string, value: unknown, { source = '' }: { source?: string }) =>
  typeof value === 'number' && /^-?\d{16,}$/.test(source) ? source : value

function tryBoth(text: string) {
  const attempt = (parse: (text: string) => unknown) => {
    try {
      return { value: parse(text) }
    } catch (error) {
      return { threw: (error as Error).name }
    }
  }
  return [attempt(parseJson), attempt(byReviver)]
}

test('ids beyond 2^53 keep every digit, wherever they stand', () => {
  const text =
    '[[{"pk":3700000000000000001,"media":{"id" : 9007199254740993 },"ids":[12345678901234567890, -1234567890123456]}],17]'
  expect(parseJson(text)).toEqual([
    [
      {
        pk: '3700000000000000001',
        media: { id: '9007199254740993' },
        ids: ['12345678901234567890', '-1234567890123456'],
      },
    ],
    17,
  ])
})

test('texts, fractions and powers stay what they are', () => {
  const text = String.raw`{"pk":3700000000000000001,"text":"ids: [3700000000000000001,9] \"pk\":3700000000000000001, \\","f":0.12345678901234567,"big":1234567890123456789.5,"e":1234567890123456789e2,"n":123456789012345}`
  expect(parseJson(text)).toEqual({
    pk: '3700000000000000001',
    text: 'ids: [3700000000000000001,9] "pk":3700000000000000001, \\',
    f: Number('0.12345678901234567'),
    big: Number('1234567890123456789.5'),
    e: Number('1234567890123456789e2'),
    n: 123456789012345,
  })
})

test('any JSON is read as by a reviver that sees each number as it was written', () => {
  const digits = fc.stringMatching(/^(0|-?[1-9]\d{0,24})(\.\d{1,20})?([eE][+-]?\d{1,2})?$/)
  const misleading = fc
    .array(fc.constantFrom('1234567890123456', ':', ',', '[', ']', '"', '\\', ' '), {
      maxLength: 8,
    })
    .map((pieces) => pieces.join(''))
  const text = fc
    .oneof(fc.string({ unit: 'binary' }), misleading)
    .map((string) => JSON.stringify(string))
  const space = fc.constantFrom('', ' ', '\n', '\t ')
  const { json } = fc.letrec<{ json: string }>((tie) => ({
    json: fc.oneof(
      { depthSize: 'small' },
      digits,
      text,
      fc.constantFrom('null', 'true'),
      fc
        .tuple(fc.array(tie('json'), { maxLength: 5 }), space)
        .map(([items, gap]) => `[${gap}${items.join(`${gap},`)}${gap}]`),
      fc
        .tuple(fc.array(fc.tuple(text, tie('json')), { maxLength: 5 }), space)
        .map(
          ([pairs, gap]) =>
            `{${pairs.map(([key, value]) => `${key}${gap}:${gap}${value}${gap}`).join(',')}}`,
        ),
    ),
  }))
  fc.assert(
    fc.property(json, (written) => {
      const [ours, theirs] = tryBoth(written)
      expect(ours).toEqual(theirs)
    }),
    { numRuns: 3000 },
  )
})

test('what is no JSON does not become JSON', () => {
  const scraps = fc.constantFrom('"', '\\', ':', ',', '[', ']', '{', '}', ' ', '0', '-', '.', 'a')
  const piece = fc.oneof(
    scraps,
    fc.constantFrom('3700000000000000001', '"pk":', 'null', '0123456789012345678'),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const [ours, theirs] = tryBoth(pieces.join(''))
      expect(ours).toEqual(theirs)
    }),
    { numRuns: 5000 },
  )
})

test('an answer is read so', () => {
  const asked = { service: 'instagram', call: 'GET /', hide: (text: string) => text }
  const body = Buffer.from('{"pk":3700000000000000001}')
  const answer = readAnswer({ status: 200, headers: {}, body }, asked)
  expect(answer.json()).toEqual({ pk: '3700000000000000001' })
})
