import { z } from 'zod'
import { expect, onTestFinished, test } from 'vitest'
import { openFiles } from '../../src/etl/load/files.ts'
import { parseSettings } from '../../src/settings.ts'
import { isForeignS3 } from '../support/s3.ts'
import { until } from '../support/until.ts'
import { type LeadgenWorld, startLeadgenWorld } from './support/leadgen-world.ts'

const germany = { person_locations: ['Germany'] }
const payload = {
  product: { name: 'Lamp', colour: 'red' },
  segments: [{ name: 'hotels', note: '=1' }],
  more: 1,
}
const timed = z.looseObject({ time: z.iso.datetime(), ms: z.number() })

/** Objects that were written, in the order in which that began, by the S3 server's own log. */
async function written({ s3 }: LeadgenWorld, count: number) {
  const puts = () =>
    (s3?.log() ?? []).filter(({ method, key, status }) => method === 'PUT' && key && status === 200)
  await until(`${count} objects in the log`, () => puts().length >= count)
  return puts()
}

test('nothing is written while Apollo is asked; then the CSV, then the JSON, each once', async () => {
  const world = await startLeadgenWorld({ apollo: { latencyMs: 30 } })
  const { result, id } = await world.run({ search: germany, minio_payload: payload })
  const [csv, json, ...more] = await written(world, 2)
  expect(more).toEqual([])
  expect([csv?.key, json?.key]).toEqual([`leadgen-csv/${id}.csv`, `demo-imports/${id}.json`])
  expect(result).toMatchObject({ csv: { key: csv?.key }, demo_import: { key: json?.key } })

  const asked = (await world.apollo.log()).map((line) => timed.parse(line))
  const lastAnswer = Math.max(...asked.map(({ time, ms }) => Date.parse(time) + ms))
  const wrote = [csv, json].map((put) => [
    Date.parse(put?.began ?? ''),
    Date.parse(put?.ended ?? ''),
  ])
  console.log(
    `Apollo's last answer ${Math.round((wrote[0]?.[0] ?? 0) - lastAnswer)} ms before the CSV began`,
  )
  expect(wrote[0]?.[0]).toBeGreaterThanOrEqual(Math.floor(lastAnswer))
  expect(wrote[1]?.[0]).toBeGreaterThanOrEqual(wrote[0]?.[1] ?? Infinity)
  // Any request at all, also those that brought nothing about.
  for (const { began } of world.s3?.log() ?? [])
    expect(Date.parse(began)).toBeGreaterThanOrEqual(Math.floor(lastAnswer))

  const file: unknown = JSON.parse(String(await world.s3?.read(`demo-imports/${id}.json`)))
  expect(file).toEqual({ ...payload, linkedin_urls: result?.linkedin_urls })
  const rows = String(await world.s3?.read(`leadgen-csv/${id}.csv`)).split('\r\n')
  expect(rows.length).toBe(1 + 100 + 1)
  const streams = await world.db
    .selectFrom('ledger.service_calls')
    .select(['service', 'subject', 'status'])
    .where('service', '=', 'minio')
    .orderBy('id')
    .execute()
  expect(streams.map(({ subject }) => subject)).toEqual([csv?.key, json?.key])
})

test('without minio_payload no JSON; without addresses none either; without leads no CSV', async () => {
  const world = await startLeadgenWorld()
  const plain = await world.run({ search: germany, target_leads: 10 })
  expect(plain.result?.demo_import).toBeNull()
  const search = { person_locations: ['France'] }
  const bare = { search, target_leads: 10, enrich: false, minio_payload: payload }
  const found = await world.run(bare)
  expect(found.result).toMatchObject({ leads: 10, linkedin_urls: [], demo_import: null })
  const nobody = { person_locations: ['Atlantis'], person_titles: ['Diver'] }
  const none = await world.run({ search: nobody, minio_payload: payload })
  expect(none.result).toMatchObject({ ended_by: 'exhausted', leads: 0, csv: null })
  expect(await world.s3?.keys()).toEqual(
    [plain, found].map(({ id }) => `leadgen-csv/${id}.csv`).toSorted(),
  )
})

test('without a storage the leads stay in the database; a JSON that could not be written is said first', async () => {
  const world = await startLeadgenWorld({ storage: false })
  const { result } = await world.run({ search: germany, target_leads: 10, enrich: false })
  expect(result).toMatchObject({ leads: 10, csv: null })
  const before = (await world.asked()).statuses.length
  const { call } = await world.run({ search: germany, minio_payload: payload })
  expect(call.status).toBe('failed')
  expect(JSON.stringify(call.error)).toContain('MINIO_ENDPOINT')
  expect((await world.asked()).statuses.length).toBe(before)
})

test('a storage that is away fails the attempt; the next one writes, and asks Apollo nothing', async () => {
  const world = await startLeadgenWorld()
  world.s3?.fault('gone')
  const params = { search: germany, target_leads: 20, minio_payload: payload }
  const first = await world.run(params, { fresh: false })
  expect(first.call.status).toBe('failed')
  const asked = (await world.asked()).statuses.length
  world.s3?.fault(undefined)
  const second = await world.run(params, { fresh: false })
  expect(second.id).toBe(first.id)
  expect(second.result).toMatchObject({ ended_by: 'target', leads: 20 })
  expect((await world.asked()).statuses.length).toBe(asked)
  expect(await world.s3?.keys()).toEqual([
    `demo-imports/${first.id}.json`,
    `leadgen-csv/${first.id}.csv`,
  ])
})

test('the presigned address downloads exactly the CSV; a changed or expired one does not', async () => {
  const world = await startLeadgenWorld()
  const { id } = await world.run({ search: germany, target_leads: 10 })
  const files = openFiles(parseSettings(world.env))
  onTestFinished(() => files?.close())
  const key = `leadgen-csv/${id}.csv`
  const url = (await files?.downloadUrl(key, { fileName: 'leads.csv', ttlSeconds: 5 })) ?? ''
  const other = await files?.downloadUrl(key, { fileName: 'leads.csv', ttlSeconds: 60 })
  const good = await fetch(url)
  expect(good.status).toBe(200)
  expect(Buffer.from(await good.arrayBuffer())).toEqual(await world.s3?.read(key))
  expect(good.headers.get('content-disposition')).toBe('attachment; filename="leads.csv"')
  expect(good.headers.get('content-type')).toContain('text/csv')

  const changed = [
    url.replace(/X-Amz-Signature=(.)/, (_, first) => `X-Amz-Signature=${first === '0' ? 1 : 0}`),
    url.replace('X-Amz-Expires=5&', 'X-Amz-Expires=600&'),
    url.replace(id, '00000000-0000-7000-8000-000000000000'),
    url.replace('leads.csv', 'virus.exe'),
    // s3rver checks the signatures that there are, and lets in who brings none.
    ...(isForeignS3 ? [url.split('?')[0] ?? ''] : []),
  ]
  for (const address of changed) {
    expect(address).not.toBe(url)
    expect({ address, status: (await fetch(address)).status }).toEqual({ address, status: 403 })
  }
  await until('it has expired', async () => (await fetch(url)).status === 403, 15_000)
  expect((await fetch(other ?? '')).status).toBe(200)
})
