import { onTestFinished } from 'vitest'
import { z } from 'zod'
import { startHttp } from '../../src/http/server.ts'
import { open } from '../../src/open.ts'
import { createDatabase } from './database.ts'
import { startS3 } from './s3.ts'

export const token = 'a-token-of-the-tests'
export const payload = { product: { name: 'Lamp' }, segments: [{ name: 'hotels' }] }

const answerSchema = z.strictObject({ id: z.uuid(), bucket: z.string(), key: z.string() })
const problemSchema = z.object({
  type: z.literal('about:blank'),
  title: z.string().min(1),
  status: z.int(),
  detail: z.string().min(1),
  job_call_id: z.uuid().optional(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
})

/** The HTTP door in this process, on a database and an S3 server of its own. */
export async function withDoor(env: Record<string, string> = {}) {
  const database = await createDatabase()
  const s3 = await startS3()
  const opened = await open(
    { name: 'test', logLevel: 'silent', files: true },
    { DATABASE_URL: database.url, ...s3.env, API_TOKEN: token, HTTP_PORT: '0', ...env },
  )
  const http = await startHttp(opened)
  onTestFinished(async () => {
    await http.close()
    await opened.close()
  })
  return { ...client(http.url), db: database.db, database, s3, http, opened }
}

/** Requests to a door, wherever it runs. */
export function client(url: string) {
  const post = async (body: unknown, headers: Record<string, string> = {}, signal?: AbortSignal) =>
    await fetch(`${url}/api/demo-import`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        ...headers,
      },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      ...(signal && { signal }),
    })
  return { url, post }
}

/** What a 201 says. @throws for any other answer */
export async function created(response: Response) {
  const text = await response.text()
  if (response.status !== 201) throw new Error(`${response.status}: ${text}`)
  return answerSchema.parse(JSON.parse(text))
}

/** What a problem says; its status stands in it and its type in the header. @throws for any other answer */
export async function problemIn(response: Response) {
  const text = await response.text()
  const type = response.headers.get('content-type') ?? ''
  if (!type.startsWith('application/problem+json')) throw new Error(`${type}: ${text}`)
  const problem = problemSchema.parse(JSON.parse(text))
  if (problem.status !== response.status) throw new Error(`${response.status}: ${text}`)
  return problem
}
