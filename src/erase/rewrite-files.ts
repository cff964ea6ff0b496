import { sql } from 'kysely'
import type { Db } from '../db/connect.ts'
import { getJobCall } from '../db/job-calls.ts'
import { listLinkedinUrls } from '../db/leadgens.ts'
import type { Files } from '../etl/load/files.ts'
import { leadsCsv } from '../etl/load/leads-csv.ts'
import { csvKey } from '../jobs/leadgen-files.ts'
import type { FileLeft } from './files-to-rewrite.ts'

/** For one file, as for the job that wrote it. */
const timeoutMs = 120_000

export interface FilesRewritten {
  rewritten: number
  /** Files of this erasure whose calls are not at their end: they may write them yet. Without a storage: all of them. */
  left: FileLeft[]
}

/**
 * Writes the files that are left of all erasures anew, from what the tables now hold, and strikes each off the list when it is
 * there. Schedulers do it too, so that what waits for a call, or was killed, comes to its end by itself. Whoever dies in between
 * leaves the rest on the list; a file that was written twice is the same.
 * @param erasureId the one whose files `left` tells of
 * @throws Fault where the storage is away or refuses: after all files that it takes
 */
export async function rewriteFiles(
  db: Db,
  files: Files | undefined,
  erasureId?: number,
): Promise<FilesRewritten> {
  const { rows: todo } = await sql<{ id: number } & FileLeft>`
    select e.id, f.job_call_id, f.key from ledger.erasures e
    cross join jsonb_to_recordset(e.files_left) as f (job_call_id uuid, key text)
    where e.finished_at is null order by e.id, f.key`.execute(db)
  const left: FileLeft[] = []
  let rewritten = 0
  const failures: unknown[] = []
  for (const { id, ...file } of todo) {
    const isThere =
      files !== undefined &&
      (await rewriteFile(db, files, file).catch((error: unknown) => {
        failures.push(error)
        return false as const
      }))
    if (isThere === 'rewritten') rewritten++
    if (!isThere) {
      if (id === erasureId) left.push(file)
    } else
      await sql`
        update ledger.erasures set files_left = coalesce((
          select jsonb_agg(f) from jsonb_array_elements(files_left) as f where f ->> 'key' <> ${file.key}), '[]')
        where id = ${id}`.execute(db)
  }
  await sql`
    update ledger.erasures set finished_at = clock_timestamp()
    where finished_at is null and rows_erased_at is not null and files_left = '[]'`.execute(db)
  if (failures.length > 0) throw failures[0]
  return { rewritten, left }
}

/** The same, unless another process is at it just now: schedulers are many, and one does. @throws likewise */
export async function rewriteFilesAlone(db: Db, files: Files | undefined): Promise<void> {
  await db.connection().execute(async (alone) => {
    const lock = sql`hashtext('ledger.erasures.files_left')`
    const { rows } = await sql<{
      locked: boolean
    }>`select pg_try_advisory_lock(${lock}) as locked`.execute(alone)
    if (!rows[0]?.locked) return
    try {
      await rewriteFiles(db, files)
    } finally {
      // A connection that was lost has given it back.
      await sql`select pg_advisory_unlock(${lock})`.execute(alone).catch(() => {})
    }
  })
}

/** Answers false where its call may still write it. */
async function rewriteFile(
  db: Db,
  files: Files,
  { job_call_id: id, key }: FileLeft,
): Promise<'rewritten' | 'not there' | false> {
  const call = await getJobCall(db, id)
  if (call && call.finished_at === null) return false
  if (!(await files.has(key, timeoutMs))) return 'not there'
  if (key === csvKey(id)) {
    const contentType = 'text/csv; charset=utf-8; header=present'
    await files.put(key, leadsCsv(db, id), { contentType, timeoutMs })
    return 'rewritten'
  }
  // The ledger has forgotten what it was made of: then nobody can tell whom it names.
  if (!call) {
    await files.remove(key, timeoutMs)
    return 'rewritten'
  }
  const params = call.params as { minio_payload?: object }
  const body =
    call.job === 'leadgen'
      ? { ...params.minio_payload, linkedin_urls: await listLinkedinUrls(db, id) }
      : params
  await files.put(key, JSON.stringify(body), { contentType: 'application/json', timeoutMs })
  return 'rewritten'
}
