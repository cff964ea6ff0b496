import { array, assert, boolean, constant, property, record, string } from 'fast-check'
import { isDeepStrictEqual } from 'node:util'
import { expect, test } from 'vitest'
import { filtersAnything, type SearchFilters } from '../../src/etl/extract/apollo/search-filters.ts'
import { leadgenParams } from '../../src/jobs/leadgen.ts'
import { type Step, widen } from '../../src/jobs/leadgen-widening.ts'

test('strict, medium, loose', () => {
  const search = {
    person_titles: ['CFO'],
    person_locations: ['Germany'],
    q_keywords: 'tiles',
    organization_num_employees_ranges: ['11,50'],
    person_seniorities: ['c_suite'],
  }
  expect(widen(search)).toEqual([
    { step: 'strict', filters: { ...search, include_similar_titles: false } },
    {
      step: 'medium',
      filters: {
        person_titles: ['CFO'],
        person_locations: ['Germany'],
        person_seniorities: ['c_suite'],
        include_similar_titles: true,
      },
    },
    {
      step: 'loose',
      filters: {
        person_titles: ['CFO'],
        person_locations: ['Germany'],
        include_similar_titles: true,
      },
    },
  ])
})

const names = (search: SearchFilters) => widen(search).map(({ step }) => step)

test('steps that would ask the same, or for everybody, are left out', () => {
  expect(names({ person_locations: ['Germany'] })).toEqual(['strict'])
  expect(names({ person_titles: ['CFO'], include_similar_titles: true })).toEqual([
    'strict',
    'medium',
  ])
  expect(names({ q_keywords: 'tiles' })).toEqual(['strict'])
  expect(names({ q_keywords: 'tiles', person_titles: [] })).toEqual(['strict'])
  expect(names({ person_seniorities: ['vp'], person_locations: ['France'] })).toEqual([
    'strict',
    'loose',
  ])
})

function expectWider(before: Step, { step, filters }: Step) {
  const order = ['strict', 'medium', 'loose']
  expect(order.indexOf(step)).toBeGreaterThan(order.indexOf(before.step))
  expect(isDeepStrictEqual(filters, before.filters)).toBe(false)
  // Nothing but the titles' own switch is another than before; the rest can only have been left out.
  const { include_similar_titles: _similar, ...rest } = filters
  expect(before.filters).toMatchObject(rest)
}

test('whatever is searched for: each step is another, wider one, in order, and filters by something', () => {
  const words = array(string({ minLength: 1 }), { maxLength: 2 })
  const searches = record(
    {
      person_titles: words,
      include_similar_titles: boolean(),
      q_keywords: string({ minLength: 1 }),
      person_locations: words,
      organization_locations: words,
      person_seniorities: words,
      organization_num_employees_ranges: array(constant('11,50'), { maxLength: 1 }),
      contact_email_status: words,
      revenue_range: constant({ min: 1 }),
    },
    { requiredKeys: [] },
  )
  assert(
    property(searches, (search) => {
      const steps = widen(search)
      const first = filtersAnything(search) ? 'strict' : undefined
      expect(first ?? steps[0]?.step).toBe(steps[0]?.step)
      for (const [index, { step, filters }] of steps.entries()) {
        expect(filtersAnything(filters)).toBe(true)
        const before = steps[index - 1]
        if (before) expectWider(before, { step, filters })
      }
    }),
    { numRuns: 2000 },
  )
})

const refused = (params: object) => leadgenParams.safeParse(params).error?.message ?? 'taken'

test('parameters: defaults, names that Apollo does not have, searches for everybody', () => {
  const search = { person_titles: ['CFO'] }
  expect(leadgenParams.parse({ search })).toEqual({
    search,
    target_leads: 100,
    max_runtime_ms: 45_000,
    enrich: true,
    max_credits: 100,
  })
  expect(leadgenParams.parse({ search, max_credits: 0 }).enrich).toBe(false)
  expect(refused({ search: { person_title: ['CFO'] } })).toContain('person_title')
  expect(refused({ search: { include_similar_titles: true } })).toContain('find everybody')
  expect(refused({ search: {} })).toContain('find everybody')
  expect(refused({ search, target_leads: 0 })).not.toBe('taken')
  expect(refused({ search, minio_payload: { product: {}, segments: [] } })).not.toBe('taken')
  // What was parsed is parsed again when the call is run.
  const once = leadgenParams.parse({ search, target_leads: 7 })
  expect(leadgenParams.parse(once)).toEqual(once)
})
