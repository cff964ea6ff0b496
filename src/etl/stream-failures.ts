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

/** What a call ends with of which streams failed: it names the first. */
export function streamsFailed(
  { service, operation }: Pick<Operation<unknown, unknown>, 'service' | 'operation'>,
  failures: unknown[],
): Fault {
  const [first] = failures
  const reason = first instanceof Error ? first.message : String(first)
  const count = failures.length === 1 ? 'a stream' : `${failures.length} streams`
  return new Fault('streams', `${count} of ${service} ${operation} failed: ${reason}`, {
    service,
    hint: first instanceof Fault ? first.hint : undefined,
    retriable: failures.some((error) => error instanceof Fault && error.retriable),
  })
}
