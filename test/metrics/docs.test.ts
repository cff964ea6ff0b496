import { readFileSync } from 'node:fs'
import path from 'node:path'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { readLedgerMetrics } from '../../src/db/metrics.ts'
import { ledgerMetrics } from '../../src/http/ledger-metrics.ts'
import { createDatabase } from '../support/database.ts'

const read = (file: string) =>
  readFileSync(path.resolve(import.meta.dirname, '../../docs', file), 'utf8')
const named = (text: string) =>
  new Set(
    [...text.matchAll(/nightledger_[a-z_]+/g)].map(([name]) =>
      name.replace(/_(bucket|sum|count)$/, ''),
    ),
  )

test('docs, dashboard and rules name the metrics that there are', async () => {
  const { db } = await createDatabase()
  const there = new Set(
    ledgerMetrics(await readLedgerMetrics(db), [])
      .getMetricsAsArray()
      .map(({ name }) => name),
  )
  const page = read('metrics.md').replaceAll(
    /`(nightledger_upstream_)\w+`((?:, `_\w+`)+)/g,
    (all, prefix: string, more: string) => `${all} ${more.replaceAll('`_', `\`${prefix}`)}`,
  )
  expect([...named(page)].toSorted((a, b) => a.localeCompare(b))).toEqual(
    [...there].toSorted((a, b) => a.localeCompare(b)),
  )
  const dashboard = read('grafana/nightledger.json')
  expect(JSON.parse(dashboard)).toMatchObject({ title: 'nightledger', panels: expect.any(Array) })
  for (const text of [dashboard, read('prometheus/nightledger.rules.yml')]) {
    expect(named(text).size).toBeGreaterThan(6)
    for (const name of named(text)) expect(there).toContain(name)
  }
})

test('each query of docs/alerts.md runs', async () => {
  const { db } = await createDatabase()
  const queries = [...read('alerts.md').matchAll(/^```sql\n([^]*?)^```/gm)].map(
    ([, text = '']) => text,
  )
  expect(queries.length).toBeGreaterThan(3)
  for (const text of queries) await sql.raw(text).execute(db)
})
