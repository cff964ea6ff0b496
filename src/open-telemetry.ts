import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import {
  type Context,
  context,
  createContextKey,
  diag,
  DiagLogLevel,
  type Span as OtelSpan,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { Parked, Skipped, toErrorRecord } from './errors.ts'
import type { Span, SpanFacts, SpanOptions } from './tracing.ts'

export interface Tracing {
  start(name: string, options: SpanOptions): Span
  underAll<T>(spans: readonly (Span | undefined)[], work: () => T): T
  /** Whether some span is being worked under. */
  isActive(): boolean
  close(): Promise<void>
}

/** For what is still to be sent at the end, in ms: a collector that is away holds no process up. */
const closeWithinMs = 3000

const spanKey = createContextKey('our span')
const linksKey = createContextKey('spans to link with')

const silent = () => {}

/** Spans by OpenTelemetry's SDK, which reads its own settings: OTEL_EXPORTER_OTLP_*, OTEL_TRACES_SAMPLER, OTEL_SERVICE_NAME, ... */
export function openTracing(
  env: NodeJS.ProcessEnv,
  hide: (text: string) => string,
  warn: (reason: string) => void,
): Tracing {
  // Not the process: its command line holds a job's parameters.
  process.env['OTEL_NODE_RESOURCE_DETECTORS'] ??= 'env,host,serviceinstance'
  // A send that hangs would keep the process from ending for so long. (The SDK's own default: 10 s)
  process.env['OTEL_EXPORTER_OTLP_TIMEOUT'] ??= String(closeWithinMs)
  const isNamed =
    env['OTEL_SERVICE_NAME'] || env['OTEL_RESOURCE_ATTRIBUTES']?.includes('service.name=')
  let nextTraceId: string | undefined
  const sdk = new NodeSDK({
    ...(isNamed ? {} : { serviceName: 'nightledger' }),
    metricReaders: [],
    logRecordProcessors: [],
    idGenerator: {
      generateTraceId: () => nextTraceId ?? randomBytes(16).toString('hex'),
      generateSpanId: () => randomBytes(8).toString('hex'),
    },
  })
  const say = (...words: unknown[]) => warn(hide(words.map(String).join(' ')))
  diag.setLogger(
    { error: say, warn: say, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  )
  sdk.start()
  const tracer = trace.getTracer('nightledger')

  function wrap(span: OtelSpan, within: Context, parent: Parent | undefined): Parent {
    const children = new Set<Span>()
    let isOver = false
    const own = {
      children,
      context: span.spanContext(),
      run: <T>(work: () => T) =>
        context.with(
          trace.setSpan(within, span).setValue(spanKey, own).deleteValue(linksKey),
          work,
        ),
      set: (facts: SpanFacts) => void span.setAttributes(hidden(facts)),
      end(error?: unknown) {
        if (isOver) return
        isOver = true
        parent?.children.delete(own)
        for (const child of children) child.end(error)
        if (error instanceof Skipped) span.setAttribute('outcome', 'skipped')
        else if (error instanceof Parked) span.setAttribute('outcome', 'parked')
        else if (error !== undefined) {
          // Its message may name whom it was about: the ledger has it.
          span.setAttributes({ 'error.type': toErrorRecord(error).kind })
          span.setStatus({ code: SpanStatusCode.ERROR })
        }
        span.end()
      },
    }
    parent?.children.add(own)
    return own
  }

  const hidden = (facts: SpanFacts) =>
    Object.fromEntries(
      Object.entries(facts)
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => [key, typeof value === 'string' ? hide(value) : value]),
    )

  return {
    start(name, { facts, parent, traceId }) {
      const active = context.active()
      const above =
        parent && isOurs(parent) ? parent : (active.getValue(spanKey) as Parent | undefined)
      const within = above ? above.run(() => context.active()) : active
      const links = ((active.getValue(linksKey) ?? []) as Parent[]).map((span) => ({
        context: span.context,
      }))
      nextTraceId = above ? undefined : traceId
      const attributes = facts ? hidden(facts()) : {}
      const span = tracer.startSpan(name, { attributes, links }, within)
      nextTraceId = undefined
      return wrap(span, within, above)
    },
    underAll(spans, work) {
      const [first, ...others] = spans.filter(isOurs)
      if (!first) return work()
      return first.run(() => context.with(context.active().setValue(linksKey, others), work))
    },
    isActive: () => context.active().getValue(spanKey) !== undefined,
    async close() {
      const ended = sdk.shutdown().catch((error: unknown) => say(error))
      await Promise.race([ended, setTimeout(closeWithinMs, undefined, { ref: false })])
    },
  }
}

interface Parent extends Span {
  children: Set<Span>
  context: ReturnType<OtelSpan['spanContext']>
}

/** Spans that began before tracing did, or after it, do nothing. */
const isOurs = (span: Span | undefined): span is Parent => span !== undefined && 'children' in span
