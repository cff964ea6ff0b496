import type { Answer } from './answer.ts'

/** A pause longer than this, in milliseconds, is not waited for in a worker. */
export const longestWaitMs = 60_000

/** Leave to send one request, at this moment. */
export interface Slot {
  /**
   * To be called at the very moment the request leaves, not when it is asked for: what lies between costs the
   * quota. False: it is too late, the slot has been thrown away and nothing may be sent.
   */
  use(): boolean
  /**
   * To be called when the head of an answer is there that is what was asked for: how long it took tells how late the
   * upstream may have counted the request.
   */
  headCame?(): void
  /** Nothing was sent: another may have it. Does nothing after `use`. */
  giveBack(): void
  /**
   * The upstream answered this send with 429: every process rests for `restMs` milliseconds, and keeps a wider
   * margin from then on. Answers that margin in milliseconds.
   */
  refused(restMs: number): Promise<number>
  /** The upstream shut the account out: what was taken ahead in this process is given back, unused. */
  shut?(): void
  /** Reads what an answer tells of the quota. */
  answered?(answer: Answer): Promise<void>
  /** For a 429 without Retry-After: how long to wait, in milliseconds, where its text tells; undefined where not. */
  waitMs?(answer: Answer): Promise<number | undefined>
}

/** How fast an upstream account may be asked, by all processes together. */
export interface Quota {
  /**
   * Waits for a slot, in the order of asking.
   * @throws the signal's reason when it is aborted; Fault `blocked` while the account's breaker is open; Parked when
   *   the account rests for more than a minute; Fault `database`.
   */
  slot(signal: AbortSignal): Promise<Slot>
  /** Reports what was used. Who still waits is turned away. */
  close(): Promise<void>
}
