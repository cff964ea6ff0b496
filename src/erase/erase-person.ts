import { setTimeout } from 'node:timers/promises'
import { sql, type Transaction } from 'kysely'
import { cancelTree } from '../db/cancel.ts'
import type { Db } from '../db/connect.ts'
import type { DB } from '../db/schema.generated.ts'
import { untilDatabaseAnswers } from '../db/until-database-answers.ts'
import { Fault } from '../errors.ts'
import { erasedIn, readTombstones } from '../etl/erased/tombstones.ts'
import type { Files } from '../etl/load/files.ts'
import type { Logger } from '../log.ts'
import { eraseAnalyses, listAnalysed } from './erase-analyses.ts'
import { eraseFromLedger } from './erase-ledger.ts'
import { eraseMentions } from './erase-mentions.ts'
import { eraseRecords, eraseRejects } from './erase-records.ts'
import { eraseRows } from './erase-rows.ts'
import { type FileLeft, listFiles } from './files-to-rewrite.ts'
import type { Person } from './find-person.ts'
import { type FilesRewritten, rewriteFiles } from './rewrite-files.ts'
import { add, type Tally } from './tally.ts'
import { openErasure } from './tombstones.ts'

export interface EraseTools {
  db: Db
  log: Logger
  /** Undefined where no storage is set: files are then left. */
  files: Files | undefined
}

export interface Erased {
  /** Null: nothing was done. */
  erasureId: number | null
  /** What this run took out. */
  rows: Tally
  /** Calls that were reading the person, and were cancelled. */
  cancelled: number
  files: FilesRewritten
}

/**
 * Erases a person: first the tombstones, so that nobody brings them back from then on; then all rows, in one transaction; then the
 * files. Each part is noted in `ledger.erasures`; killed in between, the same command goes on. Tombstones and rows are
 * two transactions since the first one holds up every page for a moment, and the second may look at each raw record.
 * @param by who asked
 * @throws Fault where calls that read the person do not end, or the storage is away; what was done by then stays done
 */
export async function erasePerson(tools: EraseTools, person: Person, by: string): Promise<Erased> {
  const { db, log, files } = tools
  const erasureId = await untilDatabaseAnswers(() => openErasure(db, person, by), log)
  const cancelled = await endCalls(db, person, by)
  const erased = await untilDatabaseAnswers(
    () =>
      db.transaction().execute(async (trx) => {
        const done = await eraseAll(trx, person)
        await noteRows(trx, erasureId, done)
        return done
      }),
    log,
  )
  return {
    erasureId,
    rows: erased.rows,
    cancelled,
    files: await rewriteFiles(db, files, erasureId),
  }
}

/** What an erasure would do. It does all but the files, and rolls it back. */
export async function tryToErase(db: Db, person: Person): Promise<Erased> {
  const undo = new Error('only tried')
  let tried: { rows: Tally; files: FileLeft[] } | undefined
  try {
    await db.transaction().execute(async (trx) => {
      await openErasure(trx, person, 'a dry run')
      tried = await eraseAll(trx, person)
      throw undo
    })
  } catch (error) {
    if (error !== undo) throw error
  }
  const { rows = {}, files = [] } = tried ?? {}
  const calls = await liveCalls(db, person)
  return { erasureId: null, rows, cancelled: calls.length, files: { rewritten: 0, left: files } }
}

async function eraseAll(trx: Transaction<DB>, person: Person) {
  const hashes = new Set((await readTombstones(trx)).map(({ hash }) => hash))
  const isErased = erasedIn(person.source, hashes)
  const rows: Tally = {}
  const files = await listFiles(trx, person)
  const analysed = await listAnalysed(trx, person)
  await eraseRows(trx, person, rows)
  await eraseRecords(trx, person, isErased, rows)
  await eraseMentions(trx, person, rows)
  await eraseRejects(trx, person, isErased, rows)
  await eraseAnalyses(trx, analysed, rows)
  await eraseFromLedger(trx, person, rows)
  return { rows, files }
}

async function noteRows(
  trx: Transaction<DB>,
  erasureId: number,
  { rows, files }: { rows: Tally; files: FileLeft[] },
): Promise<void> {
  const before = await trx
    .selectFrom('ledger.erasures')
    .select('counts')
    .where('id', '=', erasureId)
    .forUpdate()
    .executeTakeFirstOrThrow()
  const counts = JSON.stringify(add(before.counts as Tally, rows))
  await sql`
    update ledger.erasures set rows_erased_at = clock_timestamp(), counts = ${counts}::jsonb,
      files_left = files_left || ${JSON.stringify(files)}::jsonb
    where id = ${erasureId}`.execute(trx)
}

/** How long calls get to end, in ms: a cancelled one takes five seconds. */
const patienceMs = 30_000

/** Cancels what reads the person right now, and waits until it has ended: its last words might name them. */
async function endCalls(db: Db, person: Person, by: string): Promise<number> {
  const calls = await liveCalls(db, person)
  for (const id of calls) await cancelTree(db, id, by)
  const begun = performance.now()
  while ((await liveCalls(db, person)).length > 0) {
    if (performance.now() - begun > patienceMs)
      throw new Fault(
        'busy',
        'a call that reads them does not end: nothing but the tombstones is set',
        {
          hint: 'npm run ledger -- runs --children --status running; then the same command again',
        },
      )
    await setTimeout(250)
  }
  return calls.length
}

/** Only profiles have calls of their own. */
async function liveCalls(db: Db, { kind, names }: Person): Promise<string[]> {
  if (kind !== 'profile' || names.length === 0) return []
  const rows = await db
    .selectFrom('ledger.job_calls')
    .select('id')
    .where('job', '=', 'instagram-profile')
    .where('subject', 'in', names)
    .where('finished_at', 'is', null)
    .execute()
  return rows.map(({ id }) => id)
}
