import Bottleneck from 'bottleneck'
import type { QueryExecutorProvider } from 'kysely'
import type { Agent } from 'undici'
import type { Logger } from '../../log.ts'
import type { Quota, Slot } from './quota.ts'
import { createPerSecondQuota } from './quota-per-second.ts'
import { createWindowsQuota } from './quota-windows.ts'
import { createAgent } from './send.ts'
import type { Upstream } from './upstream.ts'

/** What the requests of this process to one upstream account go through. */
export interface Gate {
  agent: Agent
  /** Runs a whole try when few enough are under way. Lower priorities first (0 to 9), then the order of asking. */
  whenRoom<T>(priority: number, work: () => Promise<T>): Promise<T>
  /** A slot of the quota, in the same order. */
  slot(priority: number, signal: AbortSignal): Promise<Slot>
  close(): Promise<void>
}

/** A slot is a row: where an upstream allows more than this, it is kept to all the same, just not used up. */
const mostPerSecond = 5000

export type GateOptions = Pick<
  Upstream,
  'service' | 'account' | 'perSecond' | 'windows' | 'timeouts' | 'maxInFlight'
>

export function createGate(
  { db, log }: { db: QueryExecutorProvider; log: Logger },
  upstream: GateOptions,
): Gate {
  const { timeouts, maxInFlight } = upstream
  const perSecond = Math.min(upstream.perSecond, mostPerSecond)
  const agent = createAgent(timeouts ?? {})
  const quota = createQuota({ db, log }, { ...upstream, perSecond })
  const room = createLine(perSecond, maxInFlight ?? Math.max(10, perSecond * 4))
  // So few ask at a time that a priority still counts, and enough that one question brings 100 ms of slots.
  const turn = createLine(perSecond, Math.max(2, perSecond / 10))
  return {
    agent,
    whenRoom: (priority, work) => room(priority, work),
    slot: (priority, signal) => turn(priority, () => quota.slot(signal)),
    async close() {
      await quota.close()
      await agent.destroy()
    },
  }
}

function createQuota(
  deps: { db: QueryExecutorProvider; log: Logger },
  { service, account, perSecond, windows }: GateOptions,
): Quota {
  if (windows) return createWindowsQuota(deps, { service, account }, windows)
  return createPerSecondQuota(deps, { service, account, perSecond })
}

/**
 * Runs at most `places` works at once, in order. Bottleneck takes about 2.5 ms to let one in after the other
 * (timers inside its locks; measured: 400 a second), so where more than 100 a second may come, several stand side by
 * side, and the order is only nearly that of asking.
 */
function createLine(perSecond: number, places: number) {
  const count = Math.ceil(perSecond / 100)
  const lines = Array.from(
    { length: count },
    () => new Bottleneck({ maxConcurrent: Math.max(1, Math.ceil(places / count)) }),
  )
  let next = 0
  return <T>(priority: number, work: () => Promise<T>): Promise<T> => {
    const line = lines[next++ % count]
    if (!line) throw new Error('a line for each')
    return line.schedule({ priority }, work)
  }
}
