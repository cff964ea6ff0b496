import type { QueryExecutorProvider } from 'kysely'
import { databaseFault, isDatabaseAway } from '../../db/lost-connection.ts'
import { Fault, Parked } from '../../errors.ts'
import type { Logger } from '../../log.ts'
import { refuseWhileShut } from './breaker.ts'
import { createDatabaseClock } from './database-clock.ts'
import { createLateness, unknownLateMs } from './lateness.ts'
import { createLot, type Granted, type Lot } from './lot.ts'
import { longestWaitMs, type Quota, type Slot } from './quota.ts'
import { type Account, restQuota, type Taken, takeSlots } from './quota-sql.ts'
import { createSlotReports } from './slot-reports.ts'
import { sleep } from './wait.ts'

// Slots of a process that died come free without a report: looked for, but not in a busy loop.
const askAgainAtLeastMs = 10

interface Waiting {
  resolve: (slot: Slot) => void
  reject: (reason: unknown) => void
}

/**
 * N sends in any second, over all processes on the database (migrations/0002_upstream_quota.ts has the rules).
 *
 * Two clocks meet here, the database's and this process's monotonic one, and what is known of their difference lies
 * between two bounds. Each use errs on the safe side: a slot is not used before the latest moment that its time may
 * be, and how late it was is counted from the earliest. The wall clock of this machine plays no part.
 */
export function createPerSecondQuota(
  { db, log }: { db: QueryExecutorProvider; log: Logger },
  account: Account,
): Quota {
  const waiting: Waiting[] = []
  /** Whose time has not come yet. */
  const ahead = new Set<Lot>()
  /** Whose time has come. */
  const open = new Set<Lot>()
  const clock = createDatabaseClock()
  const lateness = createLateness()
  const reports = createSlotReports({ db, log }, account.account)
  const closing = new AbortController()
  /** Sends of those ahead. */
  let promised = 0
  let asking = false

  async function askWhileSomeoneWaits(): Promise<void> {
    if (asking) return
    asking = true
    try {
      while (waiting.length > promised) {
        const asked = performance.now()
        const taken = await takeSlots(db, account, waiting.length - promised, reports.take())
        const answered = performance.now()
        const { granted = [], sends = 1, usable_ms: usableMs = 0 } = taken
        if (taken.at_ms !== undefined) clock.showed(taken.at_ms, asked, answered)
        for (const { slot, due_ms: dueMs } of granted) {
          const { earliest, latest } = clock.boundsOf(dueMs)
          const lot = asLot(slot, { sends, notBefore: earliest, usableMs })
          promised += sends
          ahead.add(lot)
          openWhenDue(latest, lot, sends)
        }
        if (waiting.length > promised) await sleep(untilNext(taken), closing.signal)
      }
    } catch (error) {
      const reason = isDatabaseAway(error) ? databaseFault(error) : error
      for (const { reject } of waiting.splice(0)) reject(reason)
    } finally {
      asking = false
    }
  }

  function untilNext({ shut, paused_ms: pausedMs, again_ms: againMs }: Taken): number {
    const { service } = account
    if (shut !== undefined) refuseWhileShut(service, shut)
    if (pausedMs === undefined) return Math.max(againMs ?? 0, askAgainAtLeastMs)
    if (pausedMs > longestWaitMs) {
      throw new Parked(service, new Date(Date.now() + pausedMs), 'asked for a pause')
    }
    // Now and then a look whether an operator has ended the pause.
    return Math.min(pausedMs, 1000)
  }

  function openWhenDue(due: number, lot: Lot, sends: number): void {
    const earlyMs = due - performance.now()
    // Timers are right to a millisecond or two, which each lane would lose each second: for the rest it looks
    // again at every turn of the event loop. At high rates that would cost more than it brings.
    const turnsMs = account.perSecond <= 50 ? 2 : 0
    if (earlyMs > turnsMs) return void setTimeout(openWhenDue, earlyMs - turnsMs, due, lot, sends)
    if (earlyMs > 0) return void setImmediate(openWhenDue, due, lot, sends)
    promised -= sends
    ahead.delete(lot)
    open.add(lot)
    serve()
  }

  function asLot(slot: number, granted: Granted): Lot {
    return createLot(granted, {
      settled: (lateMs) => reports.add({ slot, lateMs: lateMs && lateMs + unknownLateMs }),
      headCame(tookMs) {
        // Of several sends the last one counts, and that is not known by now.
        if (granted.sends > 1) return
        reports.add({ slot, lateMs: lateness.of(tookMs) - unknownLateMs })
      },
      givenBack(lot) {
        open.add(lot)
        serve()
      },
      refused(restMs) {
        closeLots()
        return restQuota(db, account.account, slot, restMs)
      },
      shut: closeLots,
    })
  }

  /** Hands out what is open. What is left of a lot stays open for who comes in its time, but not if nobody came yet. */
  function serve(): void {
    while (waiting.length > 0) {
      const slot = takeOpen()
      if (!slot) return void askWhileSomeoneWaits()
      waiting.shift()?.resolve(slot)
    }
    for (const lot of open) lot.closeUnused()
  }

  function takeOpen(): Slot | undefined {
    for (const lot of open) {
      const slot = lot.take()
      if (slot) return slot
      open.delete(lot)
    }
    return undefined
  }

  function closeLots(): void {
    for (const lot of [...ahead, ...open]) lot.close()
  }

  return {
    async slot(signal) {
      signal.throwIfAborted()
      closing.signal.throwIfAborted()
      const atOnce = waiting.length === 0 ? takeOpen() : undefined
      if (atOnce) return atOnce
      return await new Promise<Slot>((resolve, reject) => {
        const leave = () => {
          const at = waiting.indexOf(entry)
          if (at >= 0) waiting.splice(at, 1)
          reject(signal.reason)
        }
        const off = () => signal.removeEventListener('abort', leave)
        const entry: Waiting = {
          resolve: (slot) => (off(), resolve(slot)),
          reject: (reason) => (off(), reject(reason)),
        }
        signal.addEventListener('abort', leave, { once: true })
        waiting.push(entry)
        void askWhileSomeoneWaits()
      })
    },
    async close() {
      const closed = new Fault('interrupted', `${account.service}: the HTTP client was closed`)
      closing.abort(closed)
      for (const { reject } of waiting.splice(0)) reject(closed)
      closeLots()
      await reports.flush()
    },
  }
}
