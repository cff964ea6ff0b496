import type { Tracing } from './open-telemetry.ts'

/** What is known of a span's work: numbers and words of few kinds; ids lead to the ledger. Nothing of people. */
export type SpanFacts = Record<string, string | number | boolean | undefined>

/** A piece of work as a trace shows it. Without tracing it is `noSpan`, which does nothing. */
export interface Span {
  /** Spans that begin in this work are its children. */
  run<T>(work: () => T): T
  set(facts: SpanFacts): void
  /** Once; later calls do nothing. Children that are still open end with it. */
  end(error?: unknown): void
}

export interface SpanOptions {
  /** Asked for where tracing is on. */
  facts?: () => SpanFacts
  /** Default: the span in whose work it begins; where there is none, it begins a trace. */
  parent?: Span | undefined
  /** The trace that it begins: 32 hexadecimal digits. Default: a new one. */
  traceId?: string
}

export const noSpan: Span = { run: (work) => work(), set() {}, end() {} }

let tracing: Tracing | undefined

const isSet = (value: string | undefined) => value !== undefined && value.trim() !== ''

/** Whether the usual settings of OpenTelemetry ask for traces. */
export function isTracingWanted(env: NodeJS.ProcessEnv): boolean {
  const { OTEL_SDK_DISABLED: disabled = '', OTEL_TRACES_EXPORTER: exporter = '' } = env
  if (disabled.trim().toLowerCase() === 'true' || exporter.trim() === 'none') return false
  return [
    exporter,
    env['OTEL_EXPORTER_OTLP_ENDPOINT'],
    env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'],
  ].some(isSet)
}

/**
 * Begins to send traces, where that is wanted; else nothing of OpenTelemetry is even read from the disk.
 * @param hide takes the secrets out of what is sent
 * @returns what sends the rest and ends it
 */
export async function startTracing(
  env: NodeJS.ProcessEnv,
  hide: (text: string) => string,
  warn: (reason: string) => void,
): Promise<() => Promise<void>> {
  if (!isTracingWanted(env) || tracing) return async () => {}
  const { openTracing } = await import('./open-telemetry.ts')
  const opened = openTracing(env, hide, warn)
  tracing = opened
  return async () => {
    tracing = undefined
    await opened.close()
  }
}

export function startSpan(name: string, options: SpanOptions = {}): Span {
  return tracing ? tracing.start(name, options) : noSpan
}

/** Does work under a span of its own, which ends as the work does. */
export async function withSpan<T>(
  name: string,
  options: SpanOptions,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  if (!tracing) return await work(noSpan)
  const span = tracing.start(name, options)
  try {
    const done = await span.run(() => work(span))
    span.end()
    return done
  } catch (error) {
    span.end(error)
    throw error
  }
}

/** Work for several spans at once: what begins in it is a child of the first, and linked with the others. */
export function underAll<T>(spans: readonly (Span | undefined)[], work: () => T): T {
  return tracing ? tracing.underAll(spans, work) : work()
}

/** Follows the transactions of one connection: `follow` gets each statement, with what runs it. */
export function followTransactions(): <T>(statement: string, run: () => Promise<T>) => Promise<T> {
  let open: Span | undefined
  return async (statement, run) => {
    if (!tracing && !open) return await run()
    // What nobody traces, such as the scheduler's look each second, begins no trace.
    if (/^(begin|start transaction)\b/.test(statement) && tracing?.isActive())
      open = startSpan('transaction')
    const ends = statement === 'commit' || statement === 'rollback'
    try {
      const done = await run()
      if (ends) open?.set({ end: statement })
      if (ends) open?.end()
      return done
    } catch (error) {
      if (ends) open?.end(error)
      throw error
    } finally {
      if (ends) open = undefined
    }
  }
}
