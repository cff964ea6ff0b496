import { pino } from 'pino'
import { afterAll, afterEach, expect } from 'vitest'
import { Fault } from '../../../src/errors.ts'
import {
  createHttpClient,
  newMeter,
  type Request,
  type Upstream,
} from '../../../src/etl/extract/http-client.ts'
import { HttpFault } from '../../../src/etl/extract/verdict.ts'
import { createSharedDatabase } from './database.ts'
import { json, page, startUpstream, upstreamAt } from './upstream-server.ts'

export const secret = 'hush-hush-token'
export const never = new AbortController().signal

export const problem = (status: number, headers = {}) =>
  json({ title: 'No', status, detail: `it holds ${secret}` }, status, {
    'content-type': 'application/problem+json',
    ...headers,
  })
export const web = (status: number, headers = {}) =>
  page(`\n<html>No ${secret}\n<p>more</p></html>`, status, headers)

/** An upstream, a client that asks it and a database between them; gone when the tests of the file have ended. */
export async function openHttpWorld() {
  // All that is said, at trace. The secret is not in it.
  const printed: string[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => void printed.push(line) })
  const database = await createSharedDatabase()
  const server = await startUpstream()
  const http = openClient()
  afterEach(() => {
    server.answer(json({}))
    server.asked.length = 0
  })
  afterAll(async () => {
    await http.close()
    await server.stop()
    await database.stop()
    expect(printed.length).toBeGreaterThan(20)
    expect(printed.join('')).not.toContain(secret)
  })

  /** A client on a pool of its own, as in another process. */
  function openClient(retryDelaysMs = [5, 10, 20]) {
    const { db } = database.connect()
    return createHttpClient({ db, log, worker: 'test', retryDelaysMs })
  }

  async function ask(
    request: Partial<Request> = {},
    upstream: Partial<Upstream> = {},
    signal = never,
  ) {
    const meter = newMeter()
    const sent = http.send(
      upstreamAt(server.url, upstream),
      { path: '/api/v4/contacts', ...request },
      { meter, signal },
    )
    return { meter, ended: await sent.catch((error: unknown) => error) }
  }

  /** How it failed; none of it may hold the secret. */
  async function faultOf(request: Partial<Request> = {}, upstream: Partial<Upstream> = {}) {
    const { meter, ended } = await ask(request, upstream)
    if (!(ended instanceof Fault)) throw new Error('it did not fail', { cause: ended })
    const { kind, message, hint, retriable, service, cause } = ended
    const { status, body } = ended instanceof HttpFault ? ended : {}
    const seen = { kind, message, hint, retriable, service, status, body, cause: String(cause) }
    expect(JSON.stringify(seen)).not.toContain(secret)
    log.error({ err: ended }, 'failed')
    return { ...seen, meter }
  }

  return { database, server, http, printed, openClient, ask, faultOf }
}
