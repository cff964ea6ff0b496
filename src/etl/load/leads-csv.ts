import { Readable } from 'node:stream'
import { stringify } from 'csv-stringify'
import { sql } from 'kysely'
import type { Db } from '../../db/connect.ts'

/** The columns, in order; docs/leadgen.md says what each holds. */
export const csvColumns = [
  'apollo_id',
  'first_name',
  'last_name',
  'title',
  'seniority',
  'email',
  'email_status',
  'linkedin_url',
  'city',
  'state',
  'country',
  'organization',
  'organization_domain',
  'organization_industry',
  'organization_employees',
  'found_by',
  'enrichment',
] as const
export type CsvRow = Record<(typeof csvColumns)[number], string | number | null>

const rowsAtATime = 1000

/** The leads of a leadgen in the order in which they were found, as CSV, row by row. */
export function leadsCsv(db: Db, jobCallId: string): Readable {
  return toCsv(leadRows(db, jobCallId))
}

/**
 * RFC 4180 in UTF-8: commas, CRLF, quotes where needed. What a spreadsheet would run as a formula (it begins with =, +, -,
 * @, a tab or a CR) gets an apostrophe before it.
 */
export function toCsv(rows: AsyncIterable<CsvRow> | Iterable<CsvRow>): Readable {
  const csv = stringify({
    header: true,
    columns: [...csvColumns],
    record_delimiter: 'windows',
    escape_formulas: true,
    // It would quote the whole CRLF only.
    quoted_match: /[\r\n]/,
  })
  const from = Readable.from(rows)
  from.once('error', (error) => csv.destroy(error))
  csv.once('close', () => from.destroy())
  return from.pipe(csv)
}

async function* leadRows(db: Db, jobCallId: string): AsyncGenerator<CsvRow> {
  for (let last = 0; ; ) {
    const { rows } = await sql<CsvRow & { position: number }>`
      select l.position, l.external_id as apollo_id, p.first_name, coalesce(p.last_name, p.last_name_masked) as last_name,
        p.title, p.seniority, p.email, p.email_status, p.linkedin_url, p.city, p.state, p.country,
        p.organization_name as organization, p.organization_domain, p.organization_industry, p.organization_employees,
        l.step as found_by, l.enrichment
      from public.leadgen_leads l join public.leads p on p.source = l.source and p.external_id = l.external_id
      where l.job_call_id = ${jobCallId} and l.position > ${last} order by l.position limit ${rowsAtATime}`.execute(
      db,
    )
    yield* rows
    last = rows.at(-1)?.position ?? last
    if (rows.length < rowsAtATime) return
  }
}
