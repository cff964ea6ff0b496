import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { sql } from 'kysely'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import type { Db } from '../../src/db/connect.ts'
import { logIn, look } from './support/browser.ts'
import { writeCalls } from './support/ledger.ts'
import { servePage } from './support/served.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

test('no page has a serious fault for those who see, point or read otherwise; none is wider than a phone', async () => {
  const { url, db } = await servePage()
  await writeCalls(db, 8, 60)
  const { failed, parent } = await writeAFamily(db)
  const pages = [
    '/',
    '/jobs/crm-contacts',
    '/jobs/leadgen',
    `/calls/${failed}`,
    `/calls/${parent}`,
    '/upstreams',
    '/actions',
  ]
  const faults: string[] = []
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page, foreign, complaints } = await look(url, {
      colorScheme,
      viewport: { width: 390, height: 800 },
    })
    await page.goto(url)
    faults.push(...(await seriousFaults(page, colorScheme, '/login')))
    await logIn(page, url)
    for (const path of pages) {
      await page.goto(`${url}${path}`)
      faults.push(...(await seriousFaults(page, colorScheme, path)))
      const width = await page.evaluate<number>('document.documentElement.scrollWidth')
      expect([path, width]).toEqual([path, 390])
    }
    expect([foreign, complaints]).toEqual([[], []])
  }
  expect(faults).toEqual([])
})

test('by keyboard: from job to job and call to call with arrows, and into a call with Enter', async () => {
  const { url, db } = await servePage()
  await writeCalls(db, 3, 5)
  const { page } = await look(url)
  await logIn(page, url)
  await page.keyboard.press('Tab')
  expect(await page.evaluate('document.activeElement.className')).toBe('skip')
  const places: string[] = []
  await page.locator('#job-job-02 a.call').first().focus()
  for (const key of [
    'ArrowLeft',
    'ArrowLeft',
    'ArrowDown',
    'ArrowRight',
    'Home',
    'ArrowUp',
    'End',
  ]) {
    await page.keyboard.press(key)
    places.push(
      await page.evaluate<string>(`(() => {
      const call = document.activeElement
      const job = call.closest('.part').id
      return job + ' ' + [...call.parentElement.children].indexOf(call)
    })()`),
    )
  }
  expect(places).toEqual([
    'job-job-02 1',
    'job-job-02 2',
    'job-job-03 2',
    'job-job-03 1',
    'job-job-03 4',
    'job-job-02 4',
    'job-job-02 0',
  ])
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/calls\//)
  expect(await page.title()).toMatch(/^succeeded: job-02/)
})

test('a link from elsewhere leads in where the session holds, although its cookie stays behind', async () => {
  const { url } = await servePage()
  const { page } = await look(url)
  await logIn(page, url)
  // Another site, as far as a browser can tell.
  await page.goto(url.replace('127.0.0.1', 'localhost'))
  await page.evaluate(`location.href = ${JSON.stringify(`${url}/upstreams`)}`)
  await page.waitForSelector('h1:text-is("Upstreams")')
  expect(page.url()).toBe(`${url}/upstreams`)
})

/** All that axe knows, in the light; in the dark only what is other there. */
async function seriousFaults(page: Page, scheme: string, path: string): Promise<string[]> {
  await page.evaluate(axe)
  const options = {
    resultTypes: ['violations'],
    ...(scheme === 'dark' && { runOnly: ['color-contrast'] }),
  }
  const found = await page.evaluate<
    { id: string; impact: string; nodes: { html: string; any: { message: string }[] }[] }[]
  >(`axe.run(document, ${JSON.stringify(options)}).then(({ violations }) => violations)`)
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes: [node] }) =>
        `${scheme} ${path}: ${id}: ${node?.html.slice(0, 200)} ${node?.any.map(({ message }) => message).join('; ')}`,
    )
}

/** A call that failed with streams of each kind and rejects, one with children, a breaker, a check that failed, an action. */
async function writeAFamily(db: Db): Promise<{ failed: string; parent: string }> {
  const { rows } = await sql<{ id: string }>`
    insert into ledger.job_calls (id, root_id, job, trigger, subject, status, attempt, started_at, finished_at, error, params)
    select id, id, 'crm-contacts', 'cli', 'companies 1', 'failed', 2, now() - interval '9 minutes', now(),
      '{"kind": "streams", "message": "1 of 4 streams failed", "hint": "resume it"}', ${JSON.stringify({ companyIds: Array.from({ length: 90 }, (_, n) => n) })}::jsonb
    from ledger.uuid_v7() as id returning id`.execute(db)
  const failed = rows[0]?.id ?? ''
  await sql`
    insert into ledger.service_calls (job_call_id, service, operation, subject, status, pages, requests, retries, rows_read, rows_inserted, rows_rejected,
      throttled_ms, credits, cursor, started_at, finished_at, error)
    select ${failed}, 'amocrm', 'contacts', 'range ' || s, s, 4, 6, 2, 1000, 998, 2, 2500, 3, '{"page": 5}',
      now() - interval '9 minutes', case s when 'open' then null else now() end,
      case when s in ('failed', 'skipped') then '{"kind": "upstream", "message": "503", "hint": "wait"}'::jsonb end
    from unnest(array['open', 'done', 'failed', 'skipped']) s`.execute(db)
  await sql`
    insert into ledger.rejects (source, entity, external_id, reason, job_call_id, service_call_id)
    values ('amocrm', 'contacts', '17', 'name: a text was expected', ${failed}, ${failed})`.execute(
    db,
  )
  await sql`
    insert into ledger.checks (job_call_id, name, job, title, status, found)
    select ${failed}, s, 'crm-contacts', 'rows as usual', s, '17 %' from unnest(array['passed', 'failed', 'unknown', 'broken']) s`.execute(
    db,
  )
  const parents = await sql<{ id: string }>`
    with parent as (
      insert into ledger.job_calls (id, root_id, job, trigger, status, attempt, started_at)
      select id, id, 'instagram', 'cli', 'waiting', 1, now() - interval '5 minutes' from ledger.uuid_v7() as id returning id
    ), children as (
      insert into ledger.job_calls (parent_id, root_id, job, trigger, subject, status, attempt, started_at, finished_at, error, lease_token, lease_expires_at, worker)
      select id, id, 'instagram-batch', 'job', s || ' of 4', s, 1, now() - interval '4 minutes', case when s in ('failed', 'succeeded') then now() end,
        case s when 'failed' then '{"kind": "children", "message": "one failed"}'::jsonb end,
        case s when 'running' then gen_random_uuid() end, case s when 'running' then now() - interval '1 minute' end, 'gone:1:x'
      from parent, unnest(array['failed', 'running', 'queued', 'succeeded']) s
    ) select id from parent`.execute(db)
  await sql`insert into ledger.breakers (service, account, reason, opened_by) values ('amocrm', 'demo.amocrm.ru', '403, <html>', 'desk:7')`.execute(
    db,
  )
  await sql`insert into ledger.upstream_hours (service, hour, worker, requests, rate_limited) values ('amocrm', date_trunc('hour', now()), 'x', 5000, 3)`.execute(
    db,
  )
  await sql`insert into ledger.incidents (job, kind, message) values ('instagram', 'late', 'was due')`.execute(
    db,
  )
  await sql`insert into ledger.schedules (job, paused) values ('crm-contacts', true), ('instagram', false)`.execute(
    db,
  )
  await sql`insert into ledger.actions (who, door, action, job, job_call_id) values ('anna', 'page', 'cancel', 'crm-contacts', ${failed})`.execute(
    db,
  )
  return { failed, parent: parents.rows[0]?.id ?? '' }
}
