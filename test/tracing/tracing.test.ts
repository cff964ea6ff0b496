import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { isTracingWanted } from '../../src/tracing.ts'
import { runToEnd } from '../cli/support/run-to-end.ts'
import { startInstagram } from '../instagram-job/support/world.ts'
import { createDatabase } from '../support/database.ts'
import { startTestSandbox } from '../support/sandbox.ts'
import { startCollector, type TracedSpan } from './collector.ts'

const token = 'very-secret-token-0123456789'
const key = 'very-secret-key-of-the-collector'

const otel = (url: string) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: url,
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  OTEL_EXPORTER_OTLP_HEADERS: `api-key=${key}`,
})

async function withCrm(contacts = 100) {
  const database = await createDatabase()
  const sandbox = await startTestSandbox({ token, companies: 20, contacts })
  return {
    database,
    db: database.db,
    env: { ...sandbox.env, DATABASE_URL: database.url, LOG_LEVEL: 'trace' },
  }
}

const kindOf = ({ name }: TracedSpan) => name.split(' ')[0] ?? ''

test('a whole run: a span a job call, stream, page, request and transaction, each under the right one, as many as the ledger says', async () => {
  const { db, env } = await withCrm(700)
  const collector = await startCollector()
  const run = await runToEnd('src/cli/job.ts', ['crm-contacts'], { ...env, ...otel(collector.url) })
  expect([run.code, run.output]).toEqual([0, expect.stringContaining('succeeded')])
  const { spans } = collector
  const of = (kind: string) => spans.filter((span) => kindOf(span) === kind)
  const byId = new Map(spans.map((span) => [span.spanId, span]))
  const parents = (kind: string) =>
    [
      ...new Set(
        of(kind).map(({ parentSpanId }) =>
          kindOf(byId.get(parentSpanId ?? '') ?? ({ name: 'none' } as TracedSpan)),
        ),
      ),
    ].toSorted()

  const { rows } = await sql<{ id: string; streams: number; pages: number; requests: number }>`
    select id, streams, pages, requests from ledger.runs`.execute(db)
  const [call] = rows
  expect(of('job')).toMatchObject([
    {
      name: 'job crm-contacts',
      attributes: { job: 'crm-contacts', job_call_id: call?.id, attempt: 1, outcome: 'succeeded' },
    },
  ])
  expect(spans.map(({ traceId }) => traceId)).toEqual(spans.map(() => call?.id.replaceAll('-', '')))
  expect(of('stream')).toHaveLength(call?.streams ?? 0)
  expect(of('page')).toHaveLength(call?.pages ?? 0)
  expect(of('request').length).toBeGreaterThanOrEqual(call?.requests ?? 0)
  expect(call?.pages).toBeGreaterThan(3)
  expect([parents('stream'), parents('page')]).toEqual([['job'], ['stream']])
  expect(parents('request')).toContain('page')
  expect(parents('transaction')).toEqual(['job', 'page'])
  // Each page is in one transaction that was committed: as its parent, or by a link.
  const written = committedIn(spans)
  for (const { spanId } of of('page')) expect(written).toContain(spanId)
  for (const span of of('page')) {
    const request = of('request').find(({ parentSpanId }) => parentSpanId === span.spanId)
    expect(request?.attributes).toMatchObject({
      service: 'amocrm',
      'http.response.status_code': expect.any(Number),
    })
    expect(request?.startTimeUnixNano).toBeGreaterThanOrEqual(span.startTimeUnixNano)
    expect(request?.endTimeUnixNano).toBeLessThanOrEqual(span.endTimeUnixNano)
  }
  const { rows: streams } = await sql<{ id: string }>`select id from ledger.service_calls`.execute(
    db,
  )
  expect(of('stream').map(({ attributes }) => attributes['stream_id'])).toEqual(
    expect.arrayContaining(streams.map(({ id }) => id)),
  )
  expect(collector.resources[0]).toMatchObject({ 'service.name': 'nightledger' })
  expect(JSON.stringify(collector.resources)).not.toContain('src/cli/job.ts')
  for (const secret of [token, key])
    expect([...collector.bodies, run.output].join('\n')).not.toContain(secret)
})

test('a tree of calls is one trace, and pages of many streams that are written together are linked', async () => {
  const database = await createDatabase()
  const sandbox = await startInstagram({ profiles: 3, latencyMs: 2 })
  const names = (await sandbox.state('profiles')).map(({ username }) => username)
  const collector = await startCollector()
  const env = { ...sandbox.env, DATABASE_URL: database.url, ...otel(collector.url) }
  const params = JSON.stringify({ usernames: names })
  const run = await runToEnd('src/cli/job.ts', ['instagram', '--params', params], env)
  expect([run.code, run.output]).toEqual([0, expect.stringContaining('succeeded')])
  const { rows } = await sql<{ root: string; pages: number }>`
    select min(root_id::text) as root, sum(pages)::int as pages from ledger.runs`.execute(
    database.db,
  )
  const { spans } = collector
  expect(new Set(spans.map((span) => span.traceId))).toEqual(
    new Set([rows[0]?.root.replaceAll('-', '')]),
  )
  expect(new Set(spans.filter((span) => kindOf(span) === 'job').map(({ name }) => name))).toEqual(
    new Set(['job instagram', 'job instagram-batch', 'job instagram-profile']),
  )
  const pages = spans.filter((span) => kindOf(span) === 'page')
  expect(pages).toHaveLength(rows[0]?.pages ?? 0)
  const written = committedIn(spans)
  for (const { spanId } of pages) expect(written.filter((id) => id === spanId)).toHaveLength(1)
  expect(spans.some(({ links }) => links.length > 0)).toBe(true)
  for (const name of names) expect(collector.bodies.join('')).not.toContain(name)
})

test('a run that fails: the error on the spans that met it, without secrets; in protobuf, which is the default, too', async () => {
  const { database, env } = await withCrm()
  const collector = await startCollector()
  const wrong = { ...env, AMOCRM_ACCESS_TOKEN: `${token}-wrong` }
  const run = await runToEnd('src/cli/job.ts', ['crm-contacts'], {
    ...wrong,
    ...otel(collector.url),
  })
  expect(run.code).toBe(1)
  const failed = collector.spans.filter(({ status }) => status.code === 2)
  expect(failed.map(kindOf)).toEqual(expect.arrayContaining(['request', 'job']))
  for (const { attributes, status } of failed)
    expect([attributes['error.type'], status.message]).toEqual([
      'unauthorized',
      // Not what it says: it may name somebody.
      undefined,
    ])

  // The next attempt, in another process, goes on with the same trace.
  const again = await runToEnd('src/cli/job.ts', ['crm-contacts'], {
    ...wrong,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_SERVICE_NAME: 'nightly',
  })
  expect(again.code).toBe(1)
  expect(collector.headers).toContain('application/x-protobuf')
  const { rows } = await sql<{
    id: string
    attempt: number
  }>`select id, attempt from ledger.job_calls`.execute(database.db)
  expect(rows).toMatchObject([{ attempt: 2 }])
  const traceId = rows[0]?.id.replaceAll('-', '') ?? ''
  expect(new Set(collector.spans.map((span) => span.traceId))).toEqual(new Set([traceId]))
  expect(collector.bodies.at(-1)).toContain(Buffer.from(traceId, 'hex').toString('latin1'))
  expect(collector.bodies.at(-1)).toContain('job crm-contacts')
  expect(collector.bodies.at(-1)).toContain('nightly')
  expect(collector.bodies.join('\n')).not.toContain(token)
})

test('a collector that is away does a run no harm', async () => {
  const { env } = await withCrm()
  const run = await runToEnd('src/cli/job.ts', ['crm-contacts'], {
    ...env,
    ...otel('http://127.0.0.1:1'),
  })
  expect([run.code, run.output]).toEqual([0, expect.stringContaining('succeeded')])
  expect(run.output).not.toContain(key)
})

test('without the settings nothing of OpenTelemetry is read from the disk', async () => {
  const listed = await runToEnd(
    '--import',
    [
      `data:text/javascript,import{registerHooks}from'node:module';registerHooks({resolve(s,c,n){if(s.startsWith('@opentelemetry'))console.log('READ '+s);return n(s,c)}})`,
      'src/cli/job.ts',
      '--help',
    ],
    {},
  )
  expect([listed.code, listed.output]).toEqual([0, expect.not.stringContaining('READ')])
})

test.each([
  [{}, false],
  [{ OTEL_SERVICE_NAME: 'x' }, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }, true],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/v1/traces' }, true],
  [{ OTEL_TRACES_EXPORTER: 'console' }, true],
  [{ OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }, false],
  [{ OTEL_SDK_DISABLED: 'true', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }, false],
])('%j: traces %s', (env, wanted) => {
  expect(isTracingWanted(env)).toBe(wanted)
})

/** The spans that transactions stood for that were committed: the one above, and those that are linked. */
function committedIn(spans: readonly TracedSpan[]): string[] {
  return spans
    .filter(({ name, attributes }) => name === 'transaction' && attributes['end'] === 'commit')
    .flatMap(({ parentSpanId, links }) => [
      parentSpanId ?? '',
      ...links.map(({ spanId }) => spanId),
    ])
}
