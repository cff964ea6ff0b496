import type { IncomingMessage, ServerResponse } from 'node:http'
import { z } from 'zod'
import { type Answer, HTML, json, ndjson } from './http/answer.ts'
import { deliver } from './http/deliver.ts'
import { problem } from './http/problem.ts'
import { overviewPage } from './overview-page.ts'
import type { Recorder } from './recorder.ts'
import type { AdminCall, ResetPart, Upstream } from './upstream.ts'

const resetParts = ['world', 'settings', 'faults', 'log'] as const satisfies ResetPart[]
const resetSchema = z
  .strictObject({
    /** Default: everything. */
    only: z.array(z.enum(resetParts)).default([...resetParts]),
  })
  .default({ only: [...resetParts] })

const sinceSchema = z.coerce.number().int().min(0)
const MAX_BODY = 5 * 1024 * 1024

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/** Everything that is not an upstream: the page at `/` and `/_sandbox`. Never logged nor limited. */
export function createAdmin(upstreams: readonly Upstream[], recorder: Recorder): Handler {
  const { log, stats } = recorder
  const settings = () => Object.fromEntries(upstreams.map((one) => [one.name, one.settings()]))

  const common: AdminCall[] = [
    {
      method: 'GET',
      path: '/',
      handle: () => {
        const text = overviewPage(upstreams, stats.all(), log.last(50), settings())
        return { status: 200, contentType: HTML, text }
      },
    },
    {
      method: 'GET',
      path: '/_sandbox/log',
      handle: (_, query) => ndjson(log.since(sinceSchema.parse(query.get('since') ?? 0))),
    },
    { method: 'GET', path: '/_sandbox/stats', handle: () => json(200, stats.all()) },
    {
      method: 'POST',
      path: '/_sandbox/reset',
      handle(body) {
        const { only } = resetSchema.parse(body)
        for (const part of only) {
          for (const upstream of upstreams) upstream.reset(part)
          if (part === 'log') recorder.clear()
        }
        return { status: 204 }
      },
    },
  ]
  const own = upstreams.flatMap(({ name, admin }) =>
    admin.map((call) => ({ ...call, path: `/_sandbox/${name}${call.path}` })),
  )

  return async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://sandbox')
    const body = await readBody(request)
    const calls = [...common, ...own]
    const here = calls.filter(({ path }) => path === url.pathname)
    const call = here.find(({ method }) => method === request.method)
    if (call !== undefined) return deliver(answerCall(call, body, url.searchParams), response)
    const status = here.length > 0 ? 405 : 404
    return deliver(
      problem(status, `the sandbox has no ${request.method} ${url.pathname}`),
      response,
    )
  }
}

function answerCall(call: AdminCall, text: string | null, query: URLSearchParams): Answer {
  if (text === null) return problem(413, `the body is longer than ${MAX_BODY} bytes`)
  try {
    return call.handle(text === '' ? undefined : JSON.parse(text), query)
  } catch (error) {
    if (error instanceof z.ZodError) return problem(400, z.prettifyError(error))
    if (error instanceof SyntaxError) return problem(400, `not JSON: ${error.message}`)
    throw error
  }
}

/** null when it is too long. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    const part = Buffer.from(chunk)
    bytes += part.length
    if (bytes <= MAX_BODY) chunks.push(part)
  }
  return bytes > MAX_BODY ? null : Buffer.concat(chunks).toString()
}
