import type { QueryExecutorProvider } from 'kysely'
import { Fault } from '../../errors.ts'
import type { Logger } from '../../log.ts'
import { type Answer, type Asked, longestRestMs, readAnswer, retryAfterMs } from './answer.ts'
import { openBreaker } from './breaker.ts'
import type { Gate } from './gate.ts'
import type { Slot } from './quota.ts'
import { type Outgoing, sendOnce, TooLate } from './send.ts'
import type { Usage } from './usage-meter.ts'
import { httpFault, type Refusal, type Verdict } from './verdict.ts'

/** One request on its way: what each of its tries needs. */
export interface Exchange {
  db: QueryExecutorProvider
  log: Logger
  worker: string
  gate: Gate
  account: string
  asked: Asked
  request: Outgoing
  priority: number
  signal: AbortSignal
  /** Ends waits for a slot, but not what is on its way. */
  waiting: AbortSignal
  judge(answer: Answer): Verdict
  count: (usage: Partial<Usage>) => void
}

/** How a try ended: with an answer, or with the fault to throw if it is not tried again. */
export type Outcome = { answer: Answer } | Failure

export interface Failure {
  answer?: undefined
  fault: Fault
  /** It may pass within seconds. */
  passing: boolean
  /** The upstream may have carried it out. */
  left: boolean
  /** The wait that the upstream asks for, in milliseconds. */
  waitMs?: number | undefined
}

// A connection takes longer to open than a slot can wait. The next slot finds it open.
const slotsToMiss = 5

/** Takes a slot, sends, judges: one try. Taking the slot looks at the breaker. */
export async function tryOnce(exchange: Exchange): Promise<Outcome> {
  for (let missed = 0; missed < slotsToMiss; missed++) {
    const slot = await takeSlot(exchange)
    try {
      return await exchangeIn(slot, exchange)
    } catch (error) {
      if (!(error instanceof TooLate)) throw error
    } finally {
      slot.giveBack()
    }
  }
  const { service, call } = exchange.asked
  const fault = new Fault('network', `${call}: no connection in the time of ${slotsToMiss} slots`, {
    service,
  })
  return { fault, passing: true, left: false }
}

async function takeSlot({ gate, priority, waiting, count }: Exchange): Promise<Slot> {
  const since = performance.now()
  const slot = await gate.slot(priority, waiting)
  count({ throttledMs: Math.round(performance.now() - since) })
  return slot
}

async function exchangeIn(slot: Slot, exchange: Exchange): Promise<Outcome> {
  const { gate, request, asked, signal, count, log } = exchange
  let left = false
  const moments = {
    leaves() {
      left = slot.use()
      if (left) count({ requests: 1 })
      return left
    },
    headCame(status: number) {
      if (status < 300) slot.headCame?.()
    },
  }
  const sentAt = performance.now()
  const ms = () => Math.round(performance.now() - sentAt)
  const call = { service: asked.service, call: asked.call }
  try {
    const answer = readAnswer(await sendOnce(gate.agent, request, asked, moments, signal), asked)
    count({ bytes: answer.bytes })
    const requestId = answer.headers['x-request-id']
    log.debug(
      { ...call, status: answer.status, ms: ms(), bytes: answer.bytes, requestId },
      'answered',
    )
    await orLog(log, async () => await slot.answered?.(answer))
    const verdict = exchange.judge(answer)
    if (verdict !== 'fine') return await refused(slot, answer, verdict, exchange)
    if (answer.isJson) answer.json()
    return { answer }
  } catch (error) {
    if (!(error instanceof Fault) || signal.aborted) throw error
    log.debug({ ...call, ms: ms(), kind: error.kind, reason: error.message }, 'no answer')
    // JSON that was cut on its way is a fault of the network like any other.
    const isCut = error.kind === 'bad_answer' && error.retriable
    return { fault: error, passing: isCut || error.kind === 'network', left }
  }
}

async function refused(
  slot: Slot,
  answer: Answer,
  refusal: Refusal,
  exchange: Exchange,
): Promise<Failure> {
  const { asked, count, log } = exchange
  const { service } = asked
  const fault = httpFault(answer, refusal, asked)
  const isRateLimited = refusal.kind === 'rate_limited'
  let waitMs = retryAfterMs(answer)
  if (isRateLimited) {
    count({ rateLimited: 1 })
    await orLog(log, async () => {
      waitMs ??= await slot.waitMs?.(answer)
      const marginMs = await slot.refused(Math.min(waitMs ?? defaultRestMs, longestRestMs))
      log.warn({ service, account: exchange.account, waitMs, marginMs }, 'rate limited: all rest')
    })
  }
  if (refusal.blocks) {
    await orLog(log, async () => {
      const { db, account, worker } = exchange
      await openBreaker(db, { service, account, reason: fault.message, openedBy: worker })
      slot.shut?.()
      log.error({ service, account, reason: fault.message }, 'blocked: all calls are stopped')
    })
  }
  // A 429 was counted at the door, and not carried out.
  return { fault, passing: refusal.retry ?? false, left: !isRateLimited, waitMs }
}

const defaultRestMs = 1000

/** The answer is what matters to the caller, also where the others cannot be told of it. */
async function orLog(log: Logger, tell: () => Promise<void>): Promise<void> {
  try {
    await tell()
  } catch (error) {
    log.error({ reason: String(error) }, 'the other processes could not be told')
  }
}
