import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { stableJson } from '../../src/etl/load/json.ts'
import { withoutLinks } from '../../src/etl/transform/amocrm.ts'

const links = fc.oneof(
  fc.record({ self: fc.record({ href: fc.webUrl() }) }),
  fc.record({ next: fc.record({ href: fc.string() }) }),
  fc.record({ self: fc.record({ href: fc.webUrl() }), next: fc.record({ href: fc.string() }) }),
  fc.jsonValue(),
)
const { record } = fc.letrec<{ record: unknown }>((tie) => ({
  record: fc.oneof(
    { maxDepth: 3 },
    fc.jsonValue(),
    fc.constantFrom('"_links":{"self":{"href":"in a text"}}', '\\', '\\"_links":'),
    fc.array(tie('record'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom('a', 'B', '_embedded', 'z'), tie('record')),
    fc
      .tuple(fc.dictionary(fc.constantFrom('a', 'B', '_embedded', 'z'), tie('record')), links)
      .map(([rest, _links]) => ({ ...rest, _links })),
  ),
}))

function without(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(without)
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(([key]) => key !== '_links')
  return Object.fromEntries(kept.map(([key, inner]) => [key, without(inner)]))
}

test('no link of a record counts, wherever it stands, and everything else does', () => {
  fc.assert(
    fc.property(record, (value) => {
      expect(withoutLinks(stableJson(value))).toBe(stableJson(without(value)))
    }),
    { numRuns: 2000 },
  )
})
