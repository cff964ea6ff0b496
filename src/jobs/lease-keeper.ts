import type { Db } from '../db/connect.ts'
import { beat, type Lease } from '../db/leases.ts'
import { Fault } from '../errors.ts'
import type { Logger } from '../log.ts'

export interface HeldLease {
  /** Soft stop: finish the page at hand. */
  stopping: AbortSignal
  /** Hard stop. */
  signal: AbortSignal
  /** Shown in `job_calls.progress` from the next heartbeat on. */
  progress: object | null
  release(): void
}

export interface LeaseKeeper {
  /** Renews the lease until it is released; says when it was lost or its call cancelled. */
  hold(lease: Lease): HeldLease
  /** Stops all that is held or comes to be: softly now, hard after `graceMs`. */
  stopAll(reason: Fault, graceMs: number): void
  /** Nothing is renewed any more, once this resolves. */
  close(): Promise<void>
}

/** How long a soft stop waits for pages on their way, before requests are aborted. */
const cancelGraceMs = 1500

/**
 * One heartbeat for all leases of this process: every one and a half seconds, so that a cancelled call hears of
 * it and has stopped well within five, and at least four times per lease.
 */
export function createLeaseKeeper({
  db,
  log,
  leaseSeconds,
}: {
  db: Db
  log: Logger
  leaseSeconds: number
}): LeaseKeeper {
  const held = new Map<
    string,
    HeldLease & { token: string; stop(reason: Fault, graceMs: number): void; lose(): void }
  >()
  const everyMs = Math.min(1500, (leaseSeconds * 1000) / 4)
  let beating: Promise<void> | undefined
  let stopped: { reason: Fault; graceMs: number } | undefined
  const timer = setInterval(() => {
    beating ??= beatAll().finally(() => {
      beating = undefined
    })
  }, everyMs)

  async function beatAll(): Promise<void> {
    const beats = [...held].map(([id, { token, progress }]) => ({ id, token, progress }))
    if (beats.length === 0) return
    try {
      const beaten = new Map((await beat(db, beats, leaseSeconds)).map((row) => [row.id, row]))
      for (const { id, token } of beats) {
        const lease = held.get(id)
        if (lease?.token !== token) continue // Released meanwhile.
        const row = beaten.get(id)
        if (!row) lease.lose()
        else if (row.cancelRequestedBy !== null) {
          lease.stop(new Fault('cancelled', `cancelled by ${row.cancelRequestedBy}`), cancelGraceMs)
        }
      }
    } catch (error) {
      // The fence holds without us; a lease that is not renewed in time is taken over.
      log.warn({ reason: String(error) }, 'the heartbeat did not reach the database')
    }
  }

  function hold(lease: Lease): HeldLease {
    const soft = new AbortController()
    const hard = new AbortController()
    let grace: NodeJS.Timeout | undefined
    const entry = {
      token: lease.token,
      stopping: soft.signal,
      signal: hard.signal,
      progress: null,
      stop(reason: Fault, graceMs: number) {
        if (soft.signal.aborted) return
        soft.abort(reason)
        grace = setTimeout(() => hard.abort(reason), graceMs)
      },
      lose() {
        const lost = new Fault('lease_lost', `another attempt holds job call ${lease.call.id} now`)
        soft.abort(lost)
        hard.abort(lost)
      },
      release() {
        clearTimeout(grace)
        if (held.get(lease.call.id) === entry) held.delete(lease.call.id)
      },
    }
    // After a freeze this process may have taken up again what it still holds: the older attempt is over.
    held.get(lease.call.id)?.lose()
    held.set(lease.call.id, entry)
    if (stopped) entry.stop(stopped.reason, stopped.graceMs)
    return entry
  }

  return {
    hold,
    stopAll(reason, graceMs) {
      stopped = { reason, graceMs }
      for (const lease of held.values()) lease.stop(reason, graceMs)
    },
    async close() {
      clearInterval(timer)
      await beating
    },
  }
}
