import { sql, type Transaction } from 'kysely'
import type { DB } from '../db/schema.generated.ts'
import { csvKey } from '../jobs/leadgen-files.ts'
import type { Person } from './find-person.ts'
import { redactor } from './redact.ts'

/** A file that was written of a person, by the call that wrote it: with that, and without the person, it is written anew. */
export interface FileLeft {
  job_call_id: string
  key: string
}

/**
 * Files of leadgens that found a lead, and of calls that were given them by whoever asked. To be called before the rows go. Other
 * people stand in no file.
 */
export async function listFiles(trx: Transaction<DB>, person: Person): Promise<FileLeft[]> {
  if (person.kind !== 'lead') return []
  const { patterns } = redactor(person)
  const { rows } = await sql<{ id: string; job: string; has_payload: boolean }>`
    select id, job, params ? 'minio_payload' as has_payload from ledger.job_calls
    where id in (select job_call_id from public.leadgen_leads where source = 'apollo' and external_id = any(${person.ids}::text[]))
      or job in ('leadgen', 'demo-import') and params::text ilike any(${patterns}::text[])
    union
    select job_call_id, 'leadgen', true from public.leadgen_leads l
    where source = 'apollo' and external_id = any(${person.ids}::text[])
      and not exists (select from ledger.job_calls c where c.id = l.job_call_id)
    order by 1`.execute(trx)
  return rows.flatMap(({ id: job_call_id, job, has_payload }) => [
    ...(job === 'leadgen' ? [{ job_call_id, key: csvKey(job_call_id) }] : []),
    ...(job === 'demo-import' || has_payload ? [{ job_call_id, key: importKey(job_call_id) }] : []),
  ])
}

export const importKey = (jobCallId: string) => `demo-imports/${jobCallId}.json`
