import * as fc from 'fast-check'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import type { Db } from '../../src/db/connect.ts'
import { type Call, randomLedger, writeLedger } from './support/random-ledger.ts'
import { cookieOf, servePage } from './support/served.ts'

const counters = [
  'pages',
  'requests',
  'retries',
  'rows_inserted',
  'rows_updated',
  'rows_unchanged',
  'rows_rejected',
] as const

test('whatever the ledger holds, the page shows what SQL says', async () => {
  const { url, db } = await servePage()
  const cookie = await cookieOf(url)
  const read = async (path: string) => {
    const answer = await fetch(`${url}${path}`, { headers: { cookie } })
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status}`)
    return await answer.text()
  }
  let written = 0
  await fc.assert(
    fc.asyncProperty(randomLedger, async (calls) => {
      await writeLedger(db, calls)
      written += calls.length
      await gridAgrees(db, calls, await read('/'))
      const [call] = calls
      if (call) await callAgrees(db, calls, call, await read(`/calls/${call.id}`))
    }),
    { numRuns: 25 },
  )
  expect(written).toBeGreaterThan(50)
})

async function gridAgrees(db: Db, calls: readonly Call[], page: string): Promise<void> {
  const { rows: states } = await sql<{ job: string; state: string; success: Date | null }>`
    select job, state, last_success_at as success from ledger.job_states order by job`.execute(db)
  const roots = calls.filter(({ parent }) => parent === null)
  expect(new Set(states.map(({ job }) => job))).toEqual(new Set(roots.map(({ job }) => job)))
  for (const { job, state, success } of states) {
    const [, row = ''] = page.split(`data-job="${escaped(job)}"`)
    const part = row.split('</article>', 1)[0] ?? ''
    expect(text(/data-field="status">([^<]*)</.exec(part)?.[1])).toBe(state)
    expect(/data-field="last_success_at"[^>]*datetime="([^"]*)"/.exec(part)?.[1]).toBe(
      success?.toISOString(),
    )
    const squares = [...part.matchAll(/class="call (\w+)" href="\/calls\/([^"]+)"/g)]
    // Newest first, as they were made up.
    const own = roots.filter((one) => one.job === job)
    expect(squares.map(([, status, id]) => [status, id])).toEqual(
      own.map(({ status, id }) => [status, id]),
    )
  }
  const { rows } = await sql<{ count: number }>`select count(*) from ledger.trouble`.execute(db)
  const count = rows[0]?.count ?? 0
  expect(/<h1>([^<]*)</.exec(page)?.[1]).toBe(count > 0 ? `${count} to look at` : 'All is well')
}

async function callAgrees(db: Db, calls: readonly Call[], call: Call, page: string): Promise<void> {
  const run = await db
    .selectFrom('ledger.runs')
    .selectAll()
    .where('id', '=', call.id)
    .executeTakeFirstOrThrow()
  for (const name of counters) {
    const made = call.streams.reduce((all, one) => all + one[name], 0)
    // Without streams there is no table of them.
    const shown = call.streams.length > 0 ? figures(page, `sum_${name}`) : [0]
    expect([name, shown, run[name]]).toEqual([name, [made], made])
  }
  const lines = [...page.matchAll(/<tr data-stream="([^"]+)">(.*?)<\/tr>/gs)]
  expect(lines.length).toBe(call.streams.length)
  for (const [, id = '', line = ''] of lines) {
    const { rows } = await sql<
      Record<string, number | string>
    >`select * from ledger.streams where id = ${id}`.execute(db)
    for (const name of [...counters, 'rows_read', 'throttled_ms', 'credits'])
      expect([name, figures(line, name)]).toEqual([name, [rows[0]?.[name]]])
    expect(/data-field="status">([^<]*)</.exec(line)?.[1]).toBe(rows[0]?.['status'])
  }
  const children = calls.filter(({ parent }) => parent === call.id)
  for (const status of [
    'queued',
    'running',
    'waiting',
    'succeeded',
    'failed',
    'cancelled',
  ] as const) {
    const made = children.filter((child) => child.status === status).length
    expect([status, figures(page, `children_${status}`)]).toEqual([status, made > 0 ? [made] : []])
  }
  const tree = [call, ...children].flatMap(({ streams }) => streams)
  const sums = figures(page, 'tree_rows_inserted').reduce((all, one) => all + one, 0)
  const read = children.length > 0 ? tree.reduce((all, one) => all + one.rows_inserted, 0) : 0
  expect(sums).toBe(read)
}

/** The figures of a column: what is read, which must be what programs are told. */
function figures(page: string, field: string): number[] {
  const found = page.matchAll(new RegExp(`data-field="${field}" value="(\\d+)">([^<]*)<`, 'g'))
  return [...found].map(([, value, said = '']) =>
    /^[\d,]+$/.test(said) ? Number(said.replaceAll(',', '')) : Number(value),
  )
}

const escaped = (name: string) =>
  name
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
const text = (html = '') => html.replaceAll('&amp;', '&')
