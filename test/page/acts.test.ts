import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { catalog } from '../../src/jobs/catalog.ts'
import { paramsOf, runForm } from '../../src/http/page/run-form.ts'
import { callOf, queueCall } from '../engine/support/calls.ts'
import { cookieOf, servePage, token } from './support/served.ts'

const apollo = { APOLLO_BASE_URL: 'http://127.0.0.1:9', APOLLO_API_KEY: 'a-key-of-the-tests' }

/** Presses buttons as a browser without scripts would. */
async function pressing(env: Record<string, string> = {}) {
  const served = await servePage(env)
  const { url } = served
  const cookie = await cookieOf(url)
  const read = async (path: string) => {
    const answer = await fetch(`${url}${path}`, { headers: { cookie } })
    return { status: answer.status, text: await answer.text() }
  }
  const press = async (path: string, fields: Record<string, string>) => {
    const { text } = await read('/')
    const form_token = /name="form_token" value="([^"]+)"/.exec(text)?.[1] ?? ''
    const body = new URLSearchParams({ form_token, ...fields })
    const options = { method: 'POST', headers: { cookie }, body, redirect: 'manual' } as const
    const answer = await fetch(`${url}${path}`, options)
    return { status: answer.status, to: answer.headers.get('location'), text: await answer.text() }
  }
  const actions = async () => {
    const done = await served.db.selectFrom('ledger.actions').selectAll().orderBy('id').execute()
    return done.map(({ who, door, action, job, job_call_id, service }) =>
      [who, door, action, job ?? service, job_call_id].join(' ').trim(),
    )
  }
  return { ...served, read, press, actions }
}

test('cancel and resume, each by whom; what cannot be done is said and not written down', async () => {
  const { db, press, read, actions } = await pressing()
  const id = await queueCall(db, 'crm-contacts')
  expect(await press(`/calls/${id}`, { do: 'cancel' })).toMatchObject({
    status: 303,
    to: `/calls/${id}`,
  })
  expect(await callOf(db, id)).toMatchObject({ status: 'cancelled', cancel_requested_by: 'anna' })
  const over = await press(`/calls/${id}`, { do: 'cancel' })
  expect([over.status, over.text]).toEqual([400, expect.stringContaining('is over: cancelled')])
  expect((await press(`/calls/${id}`, { do: 'resume' })).status).toBe(303)
  expect((await callOf(db, id)).status).toBe('queued')
  const other = await queueCall(db, 'crm-contacts')
  await sql`update ledger.job_calls set status = 'failed', finished_at = now(), error = '{}' where id = ${other}`.execute(
    db,
  )
  const busy = await press(`/calls/${other}`, { do: 'resume' })
  expect([busy.status, busy.text]).toEqual([
    409,
    expect.stringContaining(`job call ${id} is queued`),
  ])
  expect((await press(`/calls/${id}`, { do: 'drop' })).status).toBe(400)
  for (const path of [
    '/calls/x',
    `/calls/${id.replace(/.$/, 'f').replace(/^./, '1')}`,
    '/jobs/none',
  ])
    expect([path, (await read(path)).status]).toEqual([path, 404])
  expect(await actions()).toEqual([
    `anna page cancel crm-contacts ${id}`,
    `anna page resume crm-contacts ${id}`,
  ])
  expect((await read('/actions')).text).toContain('<strong>anna</strong> resumed')
})

test('a schedule is paused and let go, a service unblocked', async () => {
  const { db, press, read, actions } = await pressing()
  await sql`insert into ledger.breakers (service, account, reason, opened_by) values ('amocrm', 'demo', '403', 'x')`.execute(
    db,
  )
  expect((await read('/')).text).toContain(
    '<strong>blocked</strong> <a href="/upstreams">amocrm</a>',
  )
  expect((await press('/upstreams', { unblock: 'amocrm' })).status).toBe(303)
  expect(await db.selectFrom('ledger.breakers').selectAll().execute()).toEqual([])
  const paused = async () =>
    (await db.selectFrom('ledger.schedules').select('paused').execute()).map((row) => row.paused)
  await press('/jobs/crm-contacts', { do: 'pause' })
  expect(await paused()).toEqual([true])
  await press('/jobs/crm-contacts', { do: 'unpause' })
  expect(await paused()).toEqual([false])
  expect((await press('/jobs/nothing', { do: 'pause' })).status).toBe(400)
  expect(await actions()).toEqual([
    'anna page unblock amocrm',
    'anna page pause crm-contacts',
    'anna page unpause crm-contacts',
  ])
})

test('a job runs with what its form says; a wrong form comes back as it was; what lacks settings does not run', async () => {
  const { db, press, read, actions } = await pressing(apollo)
  const search = '{"person_titles": ["ceo"]}'
  const wrong = await press('/jobs/leadgen/run', { 'param.search': '{', 'param.target_leads': '7' })
  expect([wrong.status, wrong.text]).toEqual([
    422,
    expect.stringContaining('search: JSON was expected'),
  ])
  expect(wrong.text).toContain(
    'name="param.target_leads" id="param.target_leads" aria-describedby="about-param.target_leads" value="7"',
  )
  const none = await press('/jobs/leadgen/run', { 'param.search': '{}' })
  expect([none.status, none.text]).toEqual([422, expect.stringContaining('must name a filter')])
  const fields = { 'param.search': search, 'param.target_leads': '7' }
  const begun = await press('/jobs/leadgen/run', fields)
  const id = begun.to?.replace('/calls/', '') ?? ''
  expect(await callOf(db, id)).toMatchObject({
    status: 'queued',
    trigger: 'http',
    params: { search: JSON.parse(search), target_leads: 7, enrich: false },
  })
  const again = await press('/jobs/leadgen/run', fields)
  expect([again.status, again.text]).toEqual([
    422,
    expect.stringContaining(`job call ${id} is queued`),
  ])
  expect((await press('/jobs/instagram-batch/run', {})).status).toBe(400)
  const lacking = await press('/jobs/crm-contacts/run', {})
  expect([lacking.status, lacking.text]).toEqual([
    422,
    expect.stringContaining('AMOCRM_BASE_URL, AMOCRM_ACCESS_TOKEN'),
  ])
  expect(await actions()).toEqual([`anna page run leadgen ${id}`])
  const { text } = await read(`/calls/${id}`)
  for (const secret of [token, apollo.APOLLO_API_KEY]) expect(text).not.toContain(secret)
})

test('each job that can be started has a form; what is sent of it empty are its defaults', () => {
  for (const job of catalog.filter(({ child }) => !child)) {
    const form = runForm(job, undefined).text
    const fields = [...form.matchAll(/ name="(param\.[^"]+)"/g)].map(([, name = '']) => name)
    const checked = [...form.matchAll(/name="(param\.[^"]+)"[^>]* value="([^"]*)" checked/g)]
    const sent = new URLSearchParams()
    for (const [, name = '', value = ''] of checked) sent.append(name, value)
    const parsed = job.params.safeParse(paramsOf(job, sent))
    const lacking = new Set(
      (parsed.error?.issues ?? []).map(({ path }) => `param.${String(path[0])}`),
    )
    // What has no default is asked for; all else is as if nothing had been said.
    expect([job.name, [...lacking].every((name) => fields.includes(name))]).toEqual([
      job.name,
      true,
    ])
    expect([job.name, lacking.size > 0]).toEqual([job.name, form.includes('(needed)')])
    expect([job.name, parsed.data]).toEqual([job.name, job.params.safeParse({}).data])
  }
})
