import { Fault } from '../../errors.ts'
import { asStorageFault } from './storage-faults.ts'

/** A reason made anew for each would cost more than the rest of it. */
const over = new Error('it is over')

/**
 * Runs requests to the storage under one time-out; nothing of them goes on when it has answered.
 * @throws Fault `network` when the time is up; the caller's reason when its signal fires; else what went wrong, as a Fault
 */
export async function withinTime<T>(
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal | undefined },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ended = new AbortController()
  const timeout = AbortSignal.timeout(timeoutMs)
  const all = AbortSignal.any([ended.signal, timeout, ...(signal ? [signal] : [])])
  try {
    all.throwIfAborted()
    return await Promise.race([work(all), rejected(all)])
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    if (!timeout.aborted) throw asStorageFault(error)
    throw new Fault('network', `the storage did not answer within ${timeoutMs / 1000} s`, {
      service: 'minio',
      hint: 'is it running and reachable at MINIO_ENDPOINT?',
    })
  } finally {
    // The client leaves the body of some answers unread; so their connections end too.
    ended.abort(over)
  }
}

function rejected(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
