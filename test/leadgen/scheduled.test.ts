import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { insertTicks, introduceJobs } from '../../src/db/ticks.ts'
import { leadgen } from '../../src/jobs/leadgen.ts'
import { openTick } from '../../src/jobs/open-tick.ts'
import { createDatabase } from '../support/database.ts'

test('by schedule it runs with the parameters in its row; without any, the tick says so', async () => {
  const { db } = await createDatabase()
  await introduceJobs(db, [leadgen.name])
  const ticks = [new Date('2026-11-02T06:00:00Z'), new Date('2026-11-09T06:00:00Z')] as const
  await db.transaction().execute((trx) => insertTicks(trx, leadgen.name, ticks))
  expect(await openTick(db, leadgen, ticks[0].toISOString())).toBeUndefined()

  const params = { search: { person_titles: ['CFO'] }, target_leads: 7 }
  await sql`update ledger.schedules set params = ${JSON.stringify(params)}::jsonb`.execute(db)
  const id = await openTick(db, leadgen, ticks[1].toISOString())
  expect(await openTick(db, leadgen, ticks[1].toISOString())).toBe(id)
  const [call, ...more] = await db.selectFrom('ledger.job_calls').selectAll().execute()
  expect(more).toEqual([])
  expect(call).toMatchObject({ id, trigger: 'cron', params: { ...params, max_credits: 7 } })
  const rows = await db
    .selectFrom('ledger.ticks')
    .select(['job_call_id', 'skipped_reason'])
    .orderBy('scheduled_for')
    .execute()
  expect(rows[0]?.job_call_id).toBeNull()
  expect(rows[0]?.skipped_reason).toContain('search')
  expect(rows[0]?.skipped_reason).toContain('update ledger.schedules set params')
  expect(rows[1]).toEqual({ job_call_id: id, skipped_reason: null })
})
