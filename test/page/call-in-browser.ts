import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { catalog } from '../../src/jobs/catalog.ts'
import { startWork } from '../../src/jobs/start-work.ts'
import type { Db } from '../../src/db/connect.ts'
import { callOf } from '../engine/support/calls.ts'
import { startTestSandbox } from '../support/sandbox.ts'
import { until } from '../support/until.ts'
import { logIn, look } from './support/browser.ts'
import { servePage } from './support/served.ts'

test('a job is started by a button, its bar moves without a reload, another button cancels it', async () => {
  const sandbox = await startTestSandbox({ contacts: 6000 })
  const { url, db, opened } = await servePage({
    ...sandbox.env,
    // Half a minute's work: it is cancelled long before its end.
    AMOCRM_REQUESTS_PER_SECOND: '1',
    LEASE_SECONDS: '2',
  })
  const work = await startWork({ ...opened, jobs: catalog, scheduler: false, queue: true })
  onTestFinished(() => work.stop())
  const { page, foreign, complaints } = await look(url)
  await logIn(page, `${url}/jobs/crm-contacts`)
  await page.fill('[name="param.companyIds"]', 'twelve')
  await page.click('button:has-text("Run now")')
  expect(await page.textContent('[role=alert]')).toContain('companyIds.0: must be a number')
  expect(await page.inputValue('[name="param.companyIds"]')).toBe('twelve')
  await page.fill('[name="param.companyIds"]', '')
  await page.click('button:has-text("Run now")')
  await page.waitForURL(/\/calls\//)

  const id = new URL(page.url()).pathname.split('/').at(-1) ?? ''
  await pretendLastTime(db, id, 6000)
  await page.evaluate('window.loadedOnce = true')
  const bar = page.locator('.state .bar')
  const done = async () => Number(await bar.getAttribute('aria-valuenow'))
  const drawn = async () => Number(await bar.locator('.done').getAttribute('width'))
  const first = await until('the bar has begun to fill', async () => (await done()) || undefined)
  const second = await until('the bar fills', async () => (await done()) > first && (await done()))
  expect(await drawn()).toBeGreaterThanOrEqual(second)
  expect(await page.evaluate('window.loadedOnce')).toBe(true)

  await page.click('button:has-text("Cancel")')
  await page.waitForSelector('.state .status.cancelled')
  const call = await callOf(db, id)
  expect([call.status, call.cancel_requested_by, call.trigger]).toEqual([
    'cancelled',
    'anna',
    'http',
  ])
  expect(await page.locator('.actions li').allTextContents()).toEqual([
    expect.stringMatching(`anna cancelled crm-contacts ${id.slice(0, 13)}`),
    expect.stringMatching(`anna started crm-contacts ${id.slice(0, 13)}`),
  ])
  // Chromium itself writes down the form that was refused.
  expect([foreign, complaints]).toEqual([[], [expect.stringContaining('status of 422')]])
})

/** A call like this one, a day ago, that read so many rows: how much is to come, as far as anybody can know. */
async function pretendLastTime(db: Db, id: string, rows: number): Promise<void> {
  await sql`
    with previous as (
      insert into ledger.job_calls (id, root_id, job, trigger, params, status, attempt, started_at, finished_at)
      select f, f, job, 'cli', params, 'succeeded', 1, now() - interval '1 day', now() - interval '1 day'
      from ledger.job_calls, ledger.uuid_v7_floor(now() - interval '1 day') f where id = ${id} returning id
    )
    insert into ledger.service_calls (job_call_id, service, operation, status, rows_read, rows_inserted, finished_at)
    select id, 'amocrm', 'contacts', 'done', ${rows}::int, ${rows}::int, now() from previous`.execute(
    db,
  )
}
