import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { csvKey } from '../../src/jobs/leadgen-files.ts'
import { demoImport } from '../../src/jobs/demo-import.ts'
import { startScheduler } from '../../src/jobs/scheduler.ts'
import { startCall } from '../../src/jobs/start-call.ts'
import { openTools } from '../engine/support/engine.ts'
import { type LeadgenWorld, startLeadgenWorld } from '../leadgen/support/leadgen-world.ts'
import { succeed } from '../replay/support.ts'
import { startProgram } from '../support/program.ts'
import { until } from '../support/until.ts'
import { erase, everything, whereIs } from './support.ts'

const search = { person_locations: ['Germany'] }
const payload = { product: { name: 'Lamp' }, segments: [{ name: 'hotels' }] }

/** A leadgen that found somebody with an address, and two imports of which one names them. */
async function foundSomebody(world: LeadgenWorld) {
  const { db } = world
  const { id: callId, call } = await world.run({ search, target_leads: 20, minio_payload: payload })
  expect(call.status).toBe('succeeded')
  const lead = await db
    .selectFrom('leads')
    .selectAll()
    .where('linkedin_url', 'is not', null)
    .where('email', 'is not', null)
    .orderBy('external_id')
    .limit(1)
    .executeTakeFirstOrThrow()
  const product = { name: 'Chair', seen_by: lead.linkedin_url, mail: `to <${lead.email}>` }
  const naming = await succeed(world.database, 'demo-import', { ...payload, product }, world.env)
  const words = [lead.external_id, lead.email, lead.linkedin_url].map(String)
  return { callId, lead, namingId: naming.id, words }
}

/** Names of objects in which one of the words stands. */
async function filesWith({ s3 }: LeadgenWorld, words: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for (const key of (await s3?.keys()) ?? []) {
    const content = String(await s3?.read(key))
    if (words.some((word) => content.includes(word))) found.push(key)
  }
  return found.toSorted()
}

test('a lead goes from tables, files and what was asked for; the next leadgen leaves them out', async () => {
  const world = await startLeadgenWorld()
  const { db } = world
  const { callId, lead, namingId, words } = await foundSomebody(world)
  const id = lead.external_id
  const files = [csvKey(callId), `demo-imports/${callId}.json`, `demo-imports/${namingId}.json`]
  expect(await filesWith(world, words)).toEqual(files.toSorted())
  expect(Object.keys(await whereIs(db, words))).toEqual(
    expect.arrayContaining([
      'public.leads',
      'raw.records',
      'ledger.job_calls',
      'public.leadgen_leads',
    ]),
  )
  const csv = String(await world.s3?.read(csvKey(callId))).split('\r\n')

  const state = await everything(db)
  const tried = await erase(world.env, 'lead', id, '--dry-run')
  for (const key of files) expect(tried.output).toContain(`would be written anew: ${key}`)
  expect((await everything(db)) === state).toBe(true)
  expect(await filesWith(world, words)).toEqual(files.toSorted())

  const erased = await erase(world.env, 'lead', id)
  expect(erased).toMatchObject({
    code: 0,
    output: expect.stringContaining('3 files written anew'),
  })
  expect(await whereIs(db, words)).toEqual({})
  expect(await filesWith(world, words)).toEqual([])
  // Nothing else has gone from the list, and it is the same otherwise.
  const left = String(await world.s3?.read(csvKey(callId))).split('\r\n')
  expect(left).toEqual(csv.filter((line) => !line.startsWith(`${id},`)))

  await succeed(world.database, 'replay', { source: 'apollo' }, world.env)
  const again = await world.run({ search, target_leads: 20, minio_payload: payload })
  expect(again.result).toMatchObject({ leads: 20, ended_by: 'target' })
  expect(await whereIs(db, words)).toEqual({})
  expect(await filesWith(world, words)).toEqual([])
  // Nor is anything paid for them.
  const { batches } = await world.asked()
  expect(batches.flat().filter((one) => one === id).length).toBeLessThan(2)
}, 60_000)

test('killed between the tables and the files, the same command goes on', async () => {
  const world = await startLeadgenWorld()
  const { db } = world
  const { lead, words } = await foundSomebody(world)
  world.s3?.fault('hang')
  const args = ['erase', 'lead', lead.external_id]
  const killed = startProgram('src/cli/ledger.ts', args, world.env)
  await until('the rows are gone', async () => {
    const { rows } =
      await sql`select from ledger.erasures where rows_erased_at is not null`.execute(db)
    return rows.length > 0
  })
  killed.child.kill('SIGKILL')
  await killed.exited
  world.s3?.fault(undefined)
  expect(await whereIs(db, words)).toEqual({})
  expect((await filesWith(world, words)).length).toBe(3)

  // Nothing of them is left that could say who they are: only the id that is given once more.
  const { code, output } = await erase(world.env, 'lead', lead.external_id)
  expect({ code, output }).toMatchObject({
    code: 0,
    output: expect.stringContaining('3 files written anew'),
  })
  expect(await filesWith(world, words)).toEqual([])
  const noted = await db.selectFrom('ledger.erasures').selectAll().execute()
  expect(noted).toMatchObject([
    { files_left: [], finished_at: expect.any(Date), counts: { 'public.leads': { deleted: 1 } } },
  ])
}, 60_000)

test('a file that its call may still write is left for later, and said so', async () => {
  const world = await startLeadgenWorld()
  const { db } = world
  const { lead, words } = await foundSomebody(world)
  const product = { name: 'Stool', mail: lead.email }
  const { id } = await startCall(db, demoImport, { ...payload, product }, { fresh: true })
  const early = await erase(world.env, 'lead', lead.external_id)
  expect(early).toMatchObject({
    code: 1,
    output: expect.stringContaining('1 file may still name them'),
  })
  await db
    .updateTable('ledger.job_calls')
    .set({ status: 'cancelled', finished_at: new Date() })
    .where('id', '=', id)
    .execute()
  // Any scheduler finishes it, every ten seconds.
  const tools = openTools(world.database, world.env)
  const scheduler = await startScheduler({ ...tools, jobs: [] })
  onTestFinished(() => scheduler.stop())
  await until('the erasure is at its end', async () => {
    const { rows } = await sql`select from ledger.erasures where finished_at is not null`.execute(
      db,
    )
    return rows.length > 0
  })
  expect(await filesWith(world, words)).toEqual([])
}, 60_000)
