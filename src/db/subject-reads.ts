import { sql, type Transaction } from 'kysely'
import type { Db } from './connect.ts'
import type { DB } from './schema.generated.ts'
import type { Service } from './service-calls.ts'

/** Notes that subjects have been read whole just now, and a short answer where there is one. */
export async function noteRead(
  db: Db | Transaction<DB>,
  service: Service,
  operation: string,
  subjects: readonly string[],
  value: unknown = null,
): Promise<void> {
  await sql`
    insert into ledger.subject_reads (service, operation, subject, read_at, value)
    select ${service}, ${operation}, s, clock_timestamp(), ${JSON.stringify(value)}::jsonb
    from unnest(${subjects.toSorted()}::text[]) as s
    on conflict (service, operation, subject) do update set read_at = excluded.read_at, value = excluded.value`.execute(
    db,
  )
}

export async function forgetRead(
  db: Db | Transaction<DB>,
  service: Service,
  operation: string,
  subjects: readonly string[],
): Promise<void> {
  await sql`
    delete from ledger.subject_reads
    where service = ${service} and operation = ${operation} and subject = any(${subjects}::text[])`.execute(
    db,
  )
}

/** Of these subjects, those that were read within the last `maxAgeMs`, with what they said. */
export async function readRecently(
  db: Db,
  service: Service,
  operation: string,
  subjects: readonly string[],
  maxAgeMs: number,
): Promise<Map<string, unknown>> {
  const { rows } = await sql<{ subject: string; value: unknown }>`
    select subject, value from ledger.subject_reads
    where service = ${service} and operation = ${operation} and subject = any(${subjects}::text[])
      and read_at > clock_timestamp() - make_interval(secs => ${maxAgeMs / 1000})`.execute(db)
  return new Map(rows.map((row) => [row.subject, row.value]))
}
