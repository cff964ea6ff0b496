import { sql } from 'kysely'
import { expect } from 'vitest'
import type { Db } from '../../../src/db/connect.ts'
import { createDatabase } from '../../support/database.ts'
import { runProgram } from '../../support/program.ts'
import { startTestSandbox } from '../../support/sandbox.ts'

export interface WorldOptions {
  contacts: number
  latencyMs: number
  /** Sends a second of the processes under test; the undisturbed run is never held back. Default: 1000. */
  perSecond?: number
}

/** A small amoCRM, and what an undisturbed run of `crm-contacts` makes of it. */
export async function startCrmWorld({ contacts, latencyMs, perSecond = 1000 }: WorldOptions) {
  const sandbox = await startTestSandbox({ companies: 300, contacts, latencyMs })
  const settings = { ...sandbox.env, LEASE_SECONDS: '2', LOG_LEVEL: 'warn' }
  const asked = async () => requestsIn(await sandbox.admin('GET', '/log'))
  const forgetRequests = () => sandbox.admin('POST', '/reset', { only: ['log'] })
  return {
    sandbox,
    asked,
    forgetRequests,
    envOf: (database: { url: string }) => ({
      ...settings,
      DATABASE_URL: database.url,
      AMOCRM_REQUESTS_PER_SECOND: String(perSecond),
    }),
    async undisturbed() {
      const database = await createDatabase()
      const run = await runProgram('src/cli/job.ts', ['crm-contacts'], {
        ...settings,
        DATABASE_URL: database.url,
      })
      expect(run).toMatchObject({ code: 0 })
      const requests = await asked()
      await forgetRequests()
      return { content: await contentOf(database.db), requests }
    },
  }
}

export type CrmWorld = Awaited<ReturnType<typeof startCrmWorld>>

function requestsIn(log: string): string[] {
  return log
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const { path, query } = JSON.parse(line) as { path: string; query: string }
      // Where a range ends may be decided again when its page is read again: it is known by its beginning.
      return `${path}?${query}`.replace(/&filter\[updated_at\]\[to\]=\d+/, '')
    })
}

/** How many requests came that had come before. */
export const askedAgain = (requests: readonly string[]) => requests.length - new Set(requests).size

/**
 * How many requests each kill made necessary once more: those that were asked for before it and not yet written.
 * @param kills how many requests had come at each kill.
 * @param usual what an undisturbed run asks, some of it twice: a second that fills more than a page is asked for as the end of a
 *   range, and then by itself.
 */
export function lostBy(
  kills: readonly number[],
  requests: readonly string[],
  usual: readonly string[] = [],
): number[] {
  const lost = kills.map(() => 0)
  const askedAt = new Map<string, number>()
  const times = Map.groupBy(usual, (request) => request)
  const twice = new Map([...times].map(([request, { length }]) => [request, length - 1]))
  for (const [at, request] of requests.entries()) {
    const before = askedAt.get(request)
    const kill = before === undefined ? -1 : kills.findIndex((came) => came > before)
    const left = twice.get(request) ?? 0
    if (kill >= 0 && left > 0) twice.set(request, left - 1)
    else if (kill >= 0) lost[kill] = (lost[kill] ?? 0) + 1
    askedAt.set(request, at)
  }
  return lost
}

/** What the tables hold, but for who wrote it and when: a count and a hash of each. */
export async function contentOf(db: Db) {
  const tables = [
    'raw.records',
    'public.companies',
    'public.contacts',
    'public.contact_channels',
    'public.contact_notes',
    'ledger.rejects',
  ]
  const content: Record<string, unknown> = {}
  for (const table of tables) {
    const { rows } = await sql`
      with content as (select (to_jsonb(t) - '{service_call_id,fetched_at,job_call_id}'::text[])::text as row from ${sql.table(table)} t)
      select count(*) as rows, md5(string_agg(row, '' order by row)) as hash from content`.execute(
      db,
    )
    content[table] = rows[0]
  }
  return content
}

/** Each record was written new once, as the ledger counts it. */
export async function insertedMinusStored(db: Db): Promise<number> {
  const { rows } = await sql<{ difference: number }>`
    select (select sum(rows_inserted) from ledger.service_calls)::bigint - (select count(*) from raw.records) as difference`.execute(
    db,
  )
  return rows[0]?.difference ?? Number.NaN
}
