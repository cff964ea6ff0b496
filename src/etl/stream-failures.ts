import type { StreamEnd } from '../db/service-calls.ts'
import { Fault, Parked, Skipped, toErrorRecord } from '../errors.ts'
import type { Operation } from './stream.ts'

export const isDatabaseFault = (error: unknown) =>
  error instanceof Fault && error.kind === 'database'

/** How the ledger keeps the end of a stream that threw. */
export function endOf(error: unknown): StreamEnd {
  if (error instanceof Skipped) return { status: 'skipped', reason: error.message }
  return { status: 'failed', error: toErrorRecord(error) }
}

/** Whether an error concerns the whole call, not just the stream that met it. */
export function stopsTheCall(error: unknown): boolean {
  if (error instanceof Parked) return true
  const kinds = [
    'unauthorized',
    'blocked',
    'database',
    'lease_lost',
    'cancelled',
    'interrupted',
    'settings',
  ]
  return error instanceof Fault && kinds.includes(error.kind)
}

/** What is kept of streams that failed: they may be very many. */
export interface Failures {
  count: number
  first: unknown
  retriable: boolean
}

export function addFailure(before: Failures | undefined, error: unknown): Failures {
  const retriable = error instanceof Fault && error.retriable
  if (!before) return { count: 1, first: error, retriable }
  return { ...before, count: before.count + 1, retriable: before.retriable || retriable }
}

/** What a call ends with of which streams failed: it names the first. */
export function streamsFailed(
  { service, operation }: Pick<Operation<unknown, unknown>, 'service' | 'operation'>,
  { count, first, retriable }: Failures,
): Fault {
  const reason = first instanceof Error ? first.message : String(first)
  const many = count === 1 ? 'a stream' : `${count} streams`
  return new Fault('streams', `${many} of ${service} ${operation} failed: ${reason}`, {
    service,
    hint: first instanceof Fault ? first.hint : undefined,
    retriable,
  })
}
