import type { QueryExecutorProvider } from 'kysely'
import { databaseFault, isDatabaseAway } from '../../db/lost-connection.ts'
import { Fault, Parked } from '../../errors.ts'
import type { Logger } from '../../log.ts'
import type { Answer } from './answer.ts'
import { refuseWhileShut } from './breaker.ts'
import { longestWaitMs, type Quota, type Slot } from './quota.ts'
import {
  type Granted,
  restInWindow,
  settleInWindows,
  takeInWindows,
  type TakenInWindows,
} from './quota-windows-sql.ts'
import { sleep } from './wait.ts'

/** How many sends an upstream allows between two moments. */
export interface Window {
  name: 'minute' | 'hour' | 'day'
  /** How long it lasts, in milliseconds. */
  ms: number
  /** What the settings allow. What the upstream says counts too, if it is less. */
  max?: number | undefined
  /** What holds as long as neither settings nor upstream say anything. Default: no limit. */
  fallback?: number
}

/** What an upstream says of a window; undefined is unknown, never 0. */
export interface WindowUse {
  name: Window['name']
  max?: number | undefined
  used?: number | undefined
}

/** An endpoint whose requests are counted in fixed windows, each opened by the first call after the last one ended. */
export interface Windows {
  endpoint: string
  windows: readonly Window[]
  /** What an answer's headers tell. */
  readUse: (answer: Answer) => WindowUse[]
  /** Which window a 429 names. */
  readRefusal: (answer: Answer) => WindowUse | undefined
}

// How late a slot may be used; migrations/0008_window_use.ts counts on it.
const usableMs = 1000
// A minute's window, which lasts up to two seconds longer here, is waited for.
const longestWindowMs = longestWaitMs + 2500

/** So many sends in each window, over all processes on the database (migrations/0008_window_use.ts has the rules). */
export function createWindowsQuota(
  { db, log }: { db: QueryExecutorProvider; log: Logger },
  { service, account }: { service: string; account: string },
  { endpoint, windows, readUse, readRefusal }: Windows,
): Quota {
  const closing = new AbortController()
  const key = { service, account, endpoint }
  const settling = new Set<Promise<void>>()

  async function take(): Promise<TakenInWindows> {
    try {
      return await takeInWindows(db, key, windows)
    } catch (error) {
      throw isDatabaseAway(error) ? databaseFault(error) : error
    }
  }

  async function slot(signal: AbortSignal): Promise<Slot> {
    const stopped = AbortSignal.any([signal, closing.signal])
    for (;;) {
      stopped.throwIfAborted()
      const asked = performance.now()
      const taken = await take()
      if (taken.shut !== undefined) refuseWhileShut(service, taken.shut)
      const { granted, counted_at: countedAt } = taken
      if (granted && countedAt) return asSlot(granted, countedAt, asked)
      const { wait_ms: waitMs = 0, window, limit } = taken
      if (waitMs > longestWindowMs) {
        const most = limit === null ? '' : `${limit} `
        const reason = `the ${most}requests per ${window} to ${endpoint} are used up`
        throw new Parked(service, new Date(Date.now() + waitMs), reason)
      }
      // Now and then a look whether an operator has ended the wait.
      await sleep(Math.min(Math.max(waitMs, 10), 1000), stopped)
    }
  }

  /** For who can't wait for it: a send that is not settled just counts as under way for longer. */
  function settleLater(countedAt: string): void {
    const settled = settleInWindows(db, key, countedAt, [])
      .catch((error: unknown) =>
        log.debug({ service, endpoint, reason: String(error) }, 'unsettled'),
      )
      .finally(() => settling.delete(settled))
    settling.add(settled)
  }

  function asSlot(granted: readonly Granted[], countedAt: string, asked: number): Slot {
    let refusedIn: Window['name'] = 'minute'
    let settled = false
    return {
      use: () => performance.now() - asked <= usableMs,
      // It stays counted: one of the window is lost, and the limit kept.
      giveBack() {
        if (!settled) settleLater(countedAt)
        settled = true
      },
      async answered(answer) {
        // Others go on when one is settled: not before all know of the rest.
        if (answer.status === 429) return
        settled = true
        await settleInWindows(db, key, countedAt, inWindows(readUse(answer), granted))
      },
      async waitMs(answer) {
        const said = readRefusal(answer)
        if (!said) return undefined
        refusedIn = said.name
        if (said.max !== undefined) await settleInWindows(db, key, null, [said])
        log.debug({ service, endpoint, ...said }, 'a window is full')
        const restMs = await restInWindow(db, key, said.name, null)
        return restMs > longestWindowMs ? restMs : Math.min(restMs, longestWaitMs)
      },
      async refused(restMs) {
        await restInWindow(db, key, refusedIn, restMs)
        return 0
      },
    }
  }

  return {
    slot,
    async close() {
      closing.abort(new Fault('interrupted', `${service}: the HTTP client was closed`))
      await Promise.all(settling)
    },
  }
}

/** What is said of each window, with which window that was. */
function inWindows(said: readonly WindowUse[], granted: readonly Granted[]) {
  return granted.flatMap((window) => {
    const told = said.filter(({ name }) => name === window.name)
    return told.length > 0 ? told.map((use) => ({ ...window, ...use })) : [window]
  })
}
