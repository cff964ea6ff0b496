import { databaseFault, isDatabaseAway } from '../db/lost-connection.ts'
import { endStream, openStream, type Service, type StreamEnd } from '../db/service-calls.ts'
import { Fault, toErrorRecord } from '../errors.ts'
import { drain, type Meter, newMeter, type RequestContext } from './extract/http-client.ts'
import { withSpan } from '../tracing.ts'
import type { StreamDeps } from './stream.ts'

/** What is asked of a service, as its row in the ledger names it. */
export interface ServiceCallName {
  service: Service
  operation: string
  subject: string
}

/**
 * Work of one or a few requests that brings no records, such as writing a file, as a service call of its own. It must
 * bear being done twice: a process may end between the work and its row. One that is done already is passed over.
 * @throws what the work throws, after writing it down; Fault `lease_lost`
 */
export async function runServiceCall(
  deps: Pick<StreamDeps, 'db' | 'log' | 'lease' | 'signal' | 'stopping'>,
  { service, operation, subject }: ServiceCallName,
  work: (context: RequestContext) => Promise<void>,
): Promise<void> {
  const { db, lease, log, signal } = deps
  deps.stopping.throwIfAborted()
  const seed = { operation, subject, cursor: null }
  const { id, status } = await openStream(db, lease, service, seed)
  if (status === 'done') return

  const meter: Meter = newMeter()
  const end = async (how: StreamEnd | undefined) =>
    await endStream(db, lease, id, drain(meter), how)
  try {
    await withSpan(`stream ${operation}`, { facts: () => ({ service, stream_id: id }) }, () =>
      work({ meter, signal }),
    )
  } catch (thrown) {
    const error = isDatabaseAway(thrown) ? databaseFault(thrown) : thrown
    const how = signal.aborted
      ? undefined
      : ({ status: 'failed', error: toErrorRecord(error) } as const)
    await end(how).catch((reason: unknown) =>
      log.warn(
        { reason: String(reason), stream: id },
        'the end of a service call could not be written',
      ),
    )
    throw error
  }
  if (!(await end({ status: 'done' })))
    throw new Fault('lease_lost', `another attempt holds job call ${lease.call.id} now`)
}
