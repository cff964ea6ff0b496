import { z } from 'zod'
import { Fault } from '../errors.ts'
import { defineJob } from './job.ts'
import { whyNotKept } from './keepable.ts'

/** Total, within the 10 s that the answer may take (docs of `POST /api/demo-import`). */
const putTimeoutMs = 8000

const name = z.string().regex(/\S/, 'must not be empty').describe('not empty')

/** A product with its segments; fields beside those named are kept as they are. */
export const demoImportParams = z
  .looseObject({
    product: z.looseObject({ name }).describe('the product; further fields are kept'),
    segments: z
      .array(z.looseObject({ name }))
      .min(1)
      .describe('its segments; further fields are kept'),
  })
  .superRefine((payload, context) => {
    const reason = whyNotKept(payload)
    if (reason) context.addIssue({ code: 'custom', message: `cannot be kept: ${reason}` })
  })
export type DemoImport = z.output<typeof demoImportParams>

/** What a demo import answers, and leaves in `job_calls.result`. */
export const demoImportResult = z.object({
  id: z.uuid().describe('of the import and of its job call'),
  bucket: z.string(),
  key: z.string().describe('demo-imports/{id}.json'),
})
export type DemoImportResult = z.output<typeof demoImportResult>

/**
 * Writes one object. Its name comes from the job call's id, which is committed before the write: every object has a job
 * call that names it, and whoever tries again writes the same one.
 */
export const demoImport = defineJob<DemoImport>({
  name: 'demo-import',
  title: 'a product with its segments, written to the storage as demo-imports/{id}.json',
  params: demoImportParams,
  needs: ['MINIO_ENDPOINT', 'MINIO_ACCESS_KEY', 'MINIO_SECRET_KEY'],
  subject: ({ product }) => Array.from(product.name).slice(0, 100).join(''),
  plan: () =>
    Promise.resolve({
      requests: [{ operation: 'put', count: 1, why: 'the object' }],
      credits: 0,
    }),

  async run(run) {
    const { call, params, files } = run
    if (!files) throw new Fault('settings', 'demo-import: this process has no storage')
    const key = `demo-imports/${call.id}.json`
    await run.serviceCall({ service: 'minio', operation: 'put', subject: key }, async (context) => {
      const contentType = 'application/json'
      const options = { contentType, timeoutMs: putTimeoutMs, ...context }
      context.meter.bytes += await files.put(key, JSON.stringify(params), options)
    })
    return { id: call.id, bucket: files.bucket, key } satisfies DemoImportResult
  },
})
