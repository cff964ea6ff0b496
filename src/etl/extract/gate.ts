import type { QueryExecutorProvider } from 'kysely'
import PQueue from 'p-queue'
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

export type GateOptions = Pick<
  Upstream,
  'service' | 'account' | 'perSecond' | 'windows' | 'timeouts' | 'maxInFlight'
>

export function createGate(
  { db, log }: { db: QueryExecutorProvider; log: Logger },
  upstream: GateOptions,
): Gate {
  const { timeouts, perSecond, maxInFlight = Math.max(10, perSecond * 4) } = upstream
  const agent = createAgent(timeouts ?? {})
  const quota = createQuota({ db, log }, upstream)
  const room = createLine(maxInFlight)
  // So few ask at a time that a priority still counts, and enough that one question brings 100 ms of slots.
  const turn = createLine(Math.max(2, Math.floor(perSecond / 10)))
  return {
    agent,
    whenRoom: room,
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

/** Runs at most `places` works at once, the lower priorities first, then in the order of asking. */
function createLine(places: number) {
  const line = new PQueue({ concurrency: places })
  return <T>(priority: number, work: () => Promise<T>): Promise<T> =>
    line.add(work, { priority: -priority })
}
