import { sql } from 'kysely'
import type { Db } from '../../src/db/connect.ts'
import type { JobCall } from '../../src/db/job-calls.ts'
import { catalog, findJob } from '../../src/jobs/catalog.ts'
import { runTree } from '../../src/jobs/run-tree.ts'
import { startCall } from '../../src/jobs/start-call.ts'
import { createLeaseKeeper } from '../../src/jobs/lease-keeper.ts'
import { openTools } from '../engine/support/engine.ts'
import type { TestDatabase } from '../support/database.ts'

/** Runs a job to its end in this process, as `npm run job` does. */
export async function runJob(
  database: TestDatabase,
  name: string,
  params: object = {},
  env: Record<string, string> = {},
): Promise<JobCall> {
  const tools = openTools(database, env)
  const leaseSeconds = tools.settings.LEASE_SECONDS
  const leases = createLeaseKeeper({ ...tools, leaseSeconds })
  const { id } = await startCall(database.db, findJob(catalog, name), params)
  try {
    return await runTree(id, {
      executor: { ...tools, leases, oneAttempt: true },
      jobs: catalog,
      worker: tools.worker,
      leaseSeconds,
      concurrency: 4,
      stopping: new AbortController().signal,
    })
  } finally {
    await leases.close()
  }
}

/** The same; fails the test where it does not succeed. */
export async function succeed(...args: Parameters<typeof runJob>): Promise<JobCall> {
  const call = await runJob(...args)
  if (call.status !== 'succeeded') throw new Error(`${call.status}: ${JSON.stringify(call.error)}`)
  return call
}

const tables = {
  amocrm: ['companies', 'contacts', 'contact_channels', 'contact_notes'],
  instagram: [
    'profiles',
    'profile_metrics',
    'posts',
    'post_media',
    'post_metrics',
    'comments',
    'likes',
    'follows',
    'highlights',
    'highlight_items',
  ],
}

/** All rows of a source's normalized tables, as text: what was written when by our own clock left out. */
export async function rowsOf(db: Db, source: keyof typeof tables) {
  const content: Record<string, string[]> = {}
  for (const table of tables[source]) {
    const { rows } = await sql<{ row: string }>`
      select (to_jsonb(t) - 'first_seen_at')::text as row from ${sql.table(table)} t order by 1`.execute(
      db,
    )
    content[table] = rows.map(({ row }) => row)
  }
  return content
}

export async function emptyTables(db: Db, source: keyof typeof tables): Promise<void> {
  for (const table of tables[source]) await sql`truncate ${sql.table(table)}`.execute(db)
}

/** The versions of all rows, normalized and raw: another where one was written, even with what it had. */
export async function versionsOf(db: Db, source: keyof typeof tables) {
  const versions: string[] = []
  for (const table of [...tables[source].map((name) => `public.${name}`), 'raw.records']) {
    const { rows } = await sql<{ version: string }>`
      select ${table}::text || ctid::text || xmin::text as version from ${sql.table(table)} order by 1`.execute(
      db,
    )
    versions.push(...rows.map(({ version }) => version))
  }
  return versions
}
