import type { Slot } from './quota.ts'

/** What a lane was granted: so many sends, all between its time and `usableMs` later. */
export interface Granted {
  sends: number
  /** Its time, no later than the database meant: lateness is counted from here. */
  notBefore: number
  usableMs: number
}

export interface Lot {
  /** Leave for one of its sends; undefined where none is left, or its time is over. */
  take(): Slot | undefined
  /** Nothing more of it may be sent. */
  close(): void
  /** Closes it if nothing of it was sent, nor can be: another process may have it whole. */
  closeUnused(): void
}

export interface LotEvents {
  /** Nothing more of it can be sent; the last one was so many milliseconds late. Null: there was none. */
  settled(lateMs: number | null): void
  /** The head of the answer to one came, so long after it was used. */
  headCame(tookMs: number): void
  /** One was given back: `take` may bring it again. */
  givenBack(lot: Lot): void
  refused: Slot['refused']
  shut: () => void
}

export function createLot({ sends, notBefore, usableMs }: Granted, events: LotEvents): Lot {
  let left = sends
  /** Handed out, neither used nor given back. */
  let out = 0
  let isClosed = false
  let lastMs: number | null = null

  const lateMs = () => performance.now() - notBefore

  function settleWhenDone(): void {
    if (out === 0 && (left === 0 || isClosed)) events.settled(lastMs)
  }

  function close(): void {
    if (isClosed || (left === 0 && out === 0)) return
    isClosed = true
    settleWhenDone()
  }

  function over(): void {
    out--
    settleWhenDone()
  }

  /** Reads the clock once it has left for sure: a process that was made to wait in between sent later than it meant. */
  function gone(): void {
    lastMs = lateMs()
    over()
  }

  function handOut(): Slot {
    let open = true
    let usedMs: number | null = null
    return {
      use() {
        if (!open) return false
        open = false
        usedMs = lateMs()
        const inTime = usedMs <= usableMs && !isClosed
        if (inTime) queueMicrotask(gone)
        else over()
        return inTime
      },
      headCame() {
        if (usedMs !== null) events.headCame(lateMs() - usedMs)
      },
      giveBack() {
        if (!open) return
        open = false
        out--
        left++
        if (isClosed) settleWhenDone()
        else events.givenBack(lot)
      },
      refused: events.refused,
      shut: events.shut,
    }
  }

  const lot: Lot = {
    take() {
      if (left > 0 && lateMs() > usableMs) close()
      if (left === 0 || isClosed) return undefined
      left--
      out++
      return handOut()
    },
    close,
    closeUnused() {
      if (out === 0 && lastMs === null) close()
    },
  }
  return lot
}
