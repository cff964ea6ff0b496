import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type ListPlace,
  listStart,
  pageQuery,
  stepOn,
} from '../../src/etl/extract/amocrm/list-place.ts'

interface Row {
  id: number
  updated_at: number
}

/** A server that pages by offset: its rows, and the page that is asked for. */
function page(rows: readonly Row[], place: ListPlace, { most, phantom, tells, hidden }: Server) {
  const query = new URLSearchParams(pageQuery(place).join('&'))
  const asked = Number(query.get('limit'))
  const limit = Math.min(most, asked)
  const offset = (Number(query.get('page')) - 1) * limit
  const counted = rows.slice(offset, offset + limit)
  const records = counted.filter(({ id }) => !hidden(id))
  const told = tells === 'its own limit' ? limit : asked
  return {
    records,
    hasNext: rows.length > offset + limit || (phantom && counted.length > 0),
    short: records.length < told,
  }
}

interface Server {
  most: number
  phantom: boolean
  tells: 'its own limit' | 'what was asked'
  /** Rows that are counted but left out. */
  hidden: (id: number) => boolean
}

const change = fc.record({
  deletes: fc.integer({ min: 0, max: 25 }),
  inserts: fc.integer({ min: 0, max: 25 }),
  at: fc.double({ min: 0, max: 0.999, noNaN: true }),
})
const given = fc.record({
  count: fc.integer({ min: 0, max: 3000 }),
  most: fc.constantFrom(250, 250, 100, 37),
  phantom: fc.boolean(),
  tells: fc.constantFrom('its own limit' as const, 'what was asked' as const),
  changes: fc.array(change, { maxLength: 40 }),
})

test('whatever is inserted and deleted between two pages, no row that stays is skipped', () => {
  fc.assert(
    fc.property(given, ({ count, changes, ...how }) => {
      const server: Server = { ...how, hidden: () => false }
      const rows: Row[] = Array.from({ length: count }, (_, i) => ({ id: i + 1, updated_at: 7 }))
      const stay = new Set(rows.map(({ id }) => id))
      const met = new Set<number>()
      let place: ListPlace | null = listStart
      let asked = 0
      for (let nextId = count + 1; place && asked < 1000; asked++) {
        const list = page(rows, place, server)
        for (const { id } of list.records) met.add(id)
        place = stepOn(place, list).next
        const { deletes = 0, inserts = 0, at = 0 } = changes[asked] ?? {}
        const here = Math.floor(at * rows.length)
        for (const { id } of rows.splice(here, deletes)) stay.delete(id)
        const added = Array.from({ length: inserts }, () => ({ id: nextId++, updated_at: 8 }))
        rows.splice(Math.floor(here / 2), 0, ...added)
      }
      expect([...stay].filter((id) => !met.has(id))).toEqual([])
      // Where nothing moves, little more is asked for than there are pages.
      const quiet = changes.slice(0, asked).every(({ deletes }) => deletes === 0)
      const pages = Math.ceil((count + 25 * changes.length) / server.most)
      expect(asked).toBeLessThanOrEqual(quiet ? pages * (server.most < 250 ? 1.4 : 1.1) + 4 : 1000)
    }),
    { numRuns: 500 },
  )
})

test('rows that a server leaves out of its pages end no list', () => {
  const runs = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(runs, fc.boolean(), fc.boolean(), (lengths, firstHidden, phantom) => {
      // Shown and hidden rows in turn.
      const shows = lengths.flatMap((length, i) =>
        Array.from({ length }, () => (i % 2 === 0) !== firstHidden),
      )
      const rows: Row[] = shows.map((_, i) => ({ id: i + 1, updated_at: 7 }))
      const hidden = (id: number) => shows[id - 1] === false
      const met = new Set<number>()
      let place: ListPlace | null = listStart
      let asked = 0
      for (; place && asked < 2000; asked++) {
        const list = page(rows, place, { most: 250, phantom, tells: 'what was asked', hidden })
        for (const { id } of list.records) met.add(id)
        place = stepOn(place, list).next
      }
      expect(place).toBe(null)
      expect(rows.filter(({ id }) => !hidden(id) && !met.has(id))).toEqual([])
    }),
    { numRuns: 500 },
  )
})

test('a list that brings the same page for ever ends with what is wrong', () => {
  const records = Array.from({ length: 250 }, (_, id) => ({ id: id + 1, updated_at: 7 }))
  let place: ListPlace | null = listStart
  const read = () => {
    for (let asked = 0; place && asked < 100; asked++)
      place = stepOn(place, { records, hasNext: true, short: false }).next
  }
  expect(read).toThrow(/brings the same again/)
})
