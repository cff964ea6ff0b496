import { type EndedBy, lookAtLeads, noteEnd, noteRan, openLeadgenState } from '../db/leadgens.ts'
import { Fault, Parked, Skipped } from '../errors.ts'
import { type Apollo, openApollo } from '../etl/extract/apollo/upstream.ts'
import { HttpFault } from '../etl/extract/verdict.ts'
import type { LeadgenParams } from './leadgen.ts'
import type { Run } from './job.ts'

/** One leadgen while it searches: how long it has run, over attempts, and what ended it. */
export interface LeadgenSession {
  apollo: Apollo
  /** Fires when the time is up: nothing more is waited for. */
  patience: AbortSignal
  readonly endedBy: EndedBy | null
  /** How long it has been searching so far, in milliseconds. */
  ranMs(): number
  countLeads(): Promise<number>
  /** Whether nothing more is to be asked; writes that down where it is the time that is up. */
  isOver(): Promise<boolean>
  /** Writes down what ended the search; the first reason stays. Answers what the stream at hand is skipped with. */
  end(by: EndedBy, words: string): Promise<Skipped>
  /** What to throw for a failed request: where it only says that time or quota is used up, the search ends with that. */
  explain(error: unknown): Promise<unknown>
}

export async function openLeadgenSession(run: Run<LeadgenParams>): Promise<LeadgenSession> {
  const { db, call, params, log } = run
  const state = await openLeadgenState(db, call.id)
  const begun = performance.now()
  const ranMs = () => state.ranMs + performance.now() - begun
  const patience = AbortSignal.timeout(Math.max(0, params.max_runtime_ms - state.ranMs))
  let { endedBy } = state

  const countLeads = async () => (await lookAtLeads(db, call.id)).count
  const end = async (by: EndedBy, words: string) => {
    if (endedBy === null) {
      await noteEnd(db, call, by, ranMs())
      endedBy = by
      log.info({ endedBy: by, reason: words }, 'the search is over')
    }
    return new Skipped(words)
  }

  return {
    apollo: openApollo(run.http, run.settings),
    patience,
    get endedBy() {
      return endedBy
    },
    ranMs,
    countLeads,
    async isOver() {
      if (endedBy === null && patience.aborted) await end('max_runtime', timeIsUp)
      return endedBy !== null
    },
    end,
    async explain(error) {
      if (patience.aborted && error === patience.reason) return await end('max_runtime', timeIsUp)
      if (isQuotaFault(error) && (await countLeads()) > 0) return await end('quota', error.message)
      // Nothing to deliver yet: it waits, which is no time spent searching.
      if (error instanceof Parked) await noteRan(db, call.id, ranMs())
      return error
    },
  }
}

const timeIsUp = 'max_runtime_ms was up'

/** A window that lasts for long, 429s without end, or a balance that is empty: how that shows is not documented. */
function isQuotaFault(error: unknown): error is Error {
  if (error instanceof Parked) return true
  if (error instanceof HttpFault && [402, 422].includes(error.status))
    return /credit/i.test(error.body)
  return error instanceof Fault && error.kind === 'rate_limited'
}
