import { leadsCsv } from '../etl/load/leads-csv.ts'
import type { Run } from './job.ts'
import type { LeadgenParams } from './leadgen.ts'

/** For a file altogether, repeats included: tens of megabytes at most. */
const putTimeoutMs = 120_000

export const csvKey = (jobCallId: string) => `leadgen-csv/${jobCallId}.csv`

/**
 * What a leadgen leaves in the storage, when it has ended: its leads as CSV, then what was asked for with `minio_payload`.
 * Both are named by the job call, so that a second try writes the same objects. Null: there is nothing to write.
 */
export async function writeLeadgenFiles(
  run: Run<LeadgenParams>,
  { leads, linkedinUrls }: { leads: number; linkedinUrls: readonly string[] },
) {
  const { db, call, params, files } = run
  if (!files || leads === 0) return { csv: null, demoImport: null }
  const csv = { key: csvKey(call.id) }
  await run.serviceCall(
    { service: 'minio', operation: 'put', subject: csv.key },
    async (context) => {
      const contentType = 'text/csv; charset=utf-8; header=present'
      const options = { contentType, timeoutMs: putTimeoutMs, ...context }
      context.meter.bytes += await files.put(csv.key, leadsCsv(db, call.id), options)
    },
  )
  if (!params.minio_payload || linkedinUrls.length === 0) return { csv, demoImport: null }

  const demoImport = { key: `demo-imports/${call.id}.json` }
  const put = { service: 'minio', operation: 'put', subject: demoImport.key } as const
  await run.serviceCall(put, async (context) => {
    const body = JSON.stringify({ ...params.minio_payload, linkedin_urls: linkedinUrls })
    const options = { contentType: 'application/json', timeoutMs: putTimeoutMs, ...context }
    context.meter.bytes += await files.put(demoImport.key, body, options)
  })
  return { csv, demoImport }
}
