import { expect, test } from 'vitest'
import { z } from 'zod'
import { withApollo } from '../sandbox/with-apollo.ts'
import { payload, problemIn, token, withDoor } from '../support/door.ts'
import { startProgram } from '../support/program.ts'
import { until } from '../support/until.ts'

const accepted = z.object({ job_id: z.uuid(), status_url: z.string() })
const told = z.object({
  job_id: z.string(),
  status: z.string(),
  progress: z.unknown(),
  result: z
    .looseObject({
      leads: z.number(),
      linkedin_urls: z.array(z.string()),
      csv: z.object({ key: z.string(), url: z.string() }).nullable(),
      demo_import: z.object({ key: z.string() }).nullable(),
    })
    .nullable(),
  error: z.unknown(),
})
const search = { person_locations: ['Germany'] }

async function startWorld(env: Record<string, string> = {}) {
  const apollo = await withApollo()
  const upstream = { APOLLO_BASE_URL: apollo.base, APOLLO_API_KEY: 'sandbox-key' }
  const door = await withDoor({ ...upstream, ...env })
  const authorization = `Bearer ${token}`
  const post = (body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${door.url}/api/leadgen`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  const begin = async (body: unknown, headers: Record<string, string> = {}) => {
    const response = await post(body, headers)
    expect(response.status).toBe(202)
    return accepted.parse(await response.json())
  }
  const get = (path: string) => fetch(`${door.url}${path}`, { headers: { authorization } })
  const look = async (path: string) => told.parse(await (await get(path)).json())
  const startWorker = () =>
    startProgram('src/main.ts', ['--only', 'worker'], {
      DATABASE_URL: door.database.url,
      ...upstream,
      ...door.s3.env,
    })
  return { ...door, apollo, post, begin, get, look, startWorker }
}

test('from the request to the download: 202, progress, and an address that is made with each answer', async () => {
  const world = await startWorld({ CSV_URL_TTL: '5' })
  const { job_id: id, status_url: path } = await world.begin({
    search,
    target_leads: 30,
    minio_payload: payload,
  })
  expect(path).toBe(`/api/leadgen/${id}`)
  expect(await world.look(path)).toEqual({
    job_id: id,
    status: 'queued',
    progress: null,
    result: null,
    error: null,
  })
  world.startWorker()
  const over = await until('it is over', async () => {
    const now = await world.look(path)
    return now.status === 'succeeded' && now
  })
  expect(over.result).toMatchObject({
    ended_by: 'target',
    leads: 30,
    csv: { key: `leadgen-csv/${id}.csv` },
    demo_import: { key: `demo-imports/${id}.json` },
    steps: [{ step: 'strict', pages: 1, found: 100, new: 30 }],
  })
  const csv = await world.s3.read(`leadgen-csv/${id}.csv`)
  const download = await fetch(over.result?.csv?.url ?? '')
  expect(download.status).toBe(200)
  expect(Buffer.from(await download.arrayBuffer())).toEqual(csv)
  expect(download.headers.get('content-disposition')).toBe(`attachment; filename="leads-${id}.csv"`)
  const hasExpired = async () => (await fetch(over.result?.csv?.url ?? '')).status === 403
  await until('it has expired', hasExpired, 15_000)
  const later = await world.look(path)
  expect((await fetch(later.result?.csv?.url ?? '')).status).toBe(200)
  const { rows } = await world.database.pool.query(
    'select result::text from ledger.job_calls where id = $1',
    [id],
  )
  expect(JSON.stringify(rows)).not.toContain('X-Amz')
}, 60_000)

test('what is wrong is said before anything is begun', async () => {
  const world = await startWorld()
  const wrong = [
    {},
    { search: {} },
    { search: { person_title: ['CFO'] } },
    { search, target_leads: 0 },
    { search, minio_payload: { product: {}, segments: [] } },
    { search: { person_titles: ['a\u0000b'] } },
    { search, more: 1 },
  ]
  for (const body of wrong) expect((await problemIn(await world.post(body))).status).toBe(400)
  const without = await fetch(`${world.url}/api/leadgen`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ search }),
  })
  expect((await problemIn(without)).status).toBe(401)
  expect(await world.db.selectFrom('ledger.job_calls').selectAll().execute()).toEqual([])
  const nobody = '/api/leadgen/01980000-0000-7000-8000-000000000000'
  expect((await problemIn(await world.get(nobody))).status).toBe(404)
  expect((await problemIn(await world.get('/api/leadgen/1'))).status).toBe(400)
})

test('the same key and body: the same leadgen; another body: 422', async () => {
  const world = await startWorld()
  const key = { 'idempotency-key': 'once' }
  const first = await world.begin({ search, target_leads: 5 }, key)
  expect(await world.begin({ search, target_leads: 5 }, key)).toEqual(first)
  const other = await world.post({ search, target_leads: 6 }, key)
  expect((await problemIn(other)).status).toBe(422)
  const calls = await world.db.selectFrom('ledger.job_calls').select('id').execute()
  expect(calls.map(({ id }) => id)).toEqual([first.job_id])
})

test('OpenAPI names both, made from the schemas that check them', async () => {
  const world = await startWorld()
  const text = await (await fetch(`${world.url}/openapi.json`)).text()
  const { paths } = z
    .object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) })
    .parse(JSON.parse(text))
  expect(Object.keys(paths['/api/leadgen'] ?? {})).toEqual(['post'])
  expect(Object.keys(paths['/api/leadgen/{id}'] ?? {})).toEqual(['get'])
  expect(JSON.stringify(paths['/api/leadgen'])).toContain('person_titles')
})
