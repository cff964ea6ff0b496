import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { z } from 'zod'

const attributes = z
  .array(
    z.object({
      key: z.string(),
      value: z.object({
        stringValue: z.string().optional(),
        intValue: z.union([z.number(), z.string()]).optional(),
        doubleValue: z.number().optional(),
        boolValue: z.boolean().optional(),
      }),
    }),
  )
  .default([])
  .transform((list) =>
    Object.fromEntries(
      list.map(({ key, value: { stringValue, intValue, doubleValue, boolValue } }) => [
        key,
        stringValue ??
          (intValue === undefined ? undefined : Number(intValue)) ??
          doubleValue ??
          boolValue,
      ]),
    ),
  )
const spanSchema = z.object({
  traceId: z.string().regex(/^[0-9a-f]{32}$/),
  spanId: z.string().regex(/^[0-9a-f]{16}$/),
  parentSpanId: z.string().optional(),
  name: z.string(),
  startTimeUnixNano: z.union([z.string(), z.number()]).transform(Number),
  endTimeUnixNano: z.union([z.string(), z.number()]).transform(Number),
  attributes,
  links: z.array(z.object({ spanId: z.string() })).default([]),
  status: z.object({ code: z.number().optional(), message: z.string().optional() }).default({}),
})
/** `ExportTraceServiceRequest` of OTLP 1.x, in its JSON encoding. */
const requestSchema = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes }),
      scopeSpans: z.array(z.object({ spans: z.array(spanSchema) })),
    }),
  ),
})
export type TracedSpan = z.output<typeof spanSchema>

/** Stands in for an OpenTelemetry collector: takes traces by HTTP, and reads what arrives. */
export async function startCollector() {
  const bodies: string[] = []
  const headers: (string | undefined)[] = []
  const spans: TracedSpan[] = []
  const resources: Record<string, unknown>[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      bodies.push(body.toString('latin1'))
      headers.push(request.headers['content-type'])
      if (request.url === '/v1/traces' && request.headers['content-type'] === 'application/json') {
        for (const { resource, scopeSpans } of requestSchema.parse(JSON.parse(body.toString()))
          .resourceSpans) {
          resources.push(resource.attributes)
          spans.push(...scopeSpans.flatMap((scope) => scope.spans))
        }
      }
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    resources,
    bodies,
    headers,
  }
}
