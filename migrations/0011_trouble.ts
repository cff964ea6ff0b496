import { type Kysely, sql } from 'kysely'

/** Jobs that are late and checks that failed need a look as well: the view as before, and these. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<{
    before: string
  }>`select pg_get_viewdef('ledger.trouble'::regclass) as before`.execute(db)
  const before = rows[0]?.before.trim().replace(/;$/, '') ?? ''
  await sql`
    create or replace view ledger.trouble as
    ${sql.raw(before)}
    union all
    select case kind when 'check' then 'check ' || about else kind end, job, job_call_id, null, message, hint, opened_at
    from ledger.incidents where closed_at is null and kind in ('late', 'check')`.execute(db)
}
