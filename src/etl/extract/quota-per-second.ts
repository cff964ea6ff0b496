import type { QueryExecutorProvider } from 'kysely'
import { databaseFault, isDatabaseAway } from '../../db/lost-connection.ts'
import { Fault, Parked } from '../../errors.ts'
import type { Logger } from '../../log.ts'
import { refuseWhileShut } from './breaker.ts'
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
 * Two clocks meet here, the database's and this process's monotonic one, and each bound errs on the safe side:
 * a slot's time is counted from when the answer arrived (later than the database read its clock), and when it was
 * used from before the question left (earlier). The wall clock of this machine plays no part.
 */
export function createPerSecondQuota(
  { db, log }: { db: QueryExecutorProvider; log: Logger },
  account: Account,
): Quota {
  const waiting: Waiting[] = []
  const reports = createSlotReports({ db, log }, account.account)
  const closing = new AbortController()
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
        const granted = taken.granted ?? []
        for (const { slot, in_ms: inMs } of granted) {
          promised++
          handOut(answered + inMs, asSlot(slot, asked + inMs, taken.usable_ms ?? 0))
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

  function handOut(due: number, slot: Slot): void {
    const earlyMs = due - performance.now()
    // Timers are right to a millisecond or two, which each lane would lose each second: for the rest it looks
    // again at every turn of the event loop. At high rates that would cost more than it brings.
    const turnsMs = account.perSecond <= 50 ? 2 : 0
    if (earlyMs > turnsMs) return void setTimeout(handOut, earlyMs - turnsMs, due, slot)
    if (earlyMs > 0) return void setImmediate(handOut, due, slot)
    promised--
    const next = waiting.shift()
    if (next) next.resolve(slot)
    else slot.giveBack()
  }

  function asSlot(slot: number, notBefore: number, usableMs: number): Slot {
    let open = true
    const settle = (lateMs: number | null) => {
      open = false
      reports.add({ slot, lateMs })
    }
    return {
      use() {
        const lateMs = performance.now() - notBefore
        const inTime = open && lateMs <= usableMs
        if (open) settle(inTime ? lateMs : null)
        return inTime
      },
      giveBack() {
        if (open) settle(null)
      },
      refused: (restMs) => restQuota(db, account.account, slot, restMs),
    }
  }

  return {
    slot(signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason)
        if (closing.signal.aborted) return reject(closing.signal.reason)
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
      await reports.flush()
    },
  }
}
