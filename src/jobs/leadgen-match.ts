import { type Intent, putBack, setAside, settleCredits } from '../db/credits.ts'
import { creditsSpent, markEnriched, noteRan } from '../db/leadgens.ts'
import { Skipped } from '../errors.ts'
import { batchSize, matchPeople } from '../etl/extract/apollo/match-people.ts'
import { matchedPeople, matchOperation, service } from '../etl/extract/apollo/operations.ts'
import { HttpFault } from '../etl/extract/verdict.ts'
import { eachPage, type ExtractTools, type Operation } from '../etl/stream.ts'
import type { MatchRow } from '../etl/transform/apollo.ts'
import type { Run } from './job.ts'
import type { LeadgenParams } from './leadgen.ts'
import type { LeadgenSession } from './leadgen-session.ts'

/** People of a page that are still to be asked for. */
export interface MatchCursor {
  ids: string[]
}

/**
 * Enriches the leads of a page, ten at a time. It costs credits, so what a request may cost is set aside, and that
 * committed, before it is sent: whoever dies with it leaves it in doubt, and who goes on asks for these ten again.
 */
export function leadMatch(
  { db, call, params, settings, http }: Run<LeadgenParams>,
  session: LeadgenSession,
): Operation<MatchCursor, MatchRow> {
  const account = { service, account: session.apollo.account }
  const budget = settings.APOLLO_CREDITS_PER_MONTH
  // One batch at a time, as with the search.
  let batch: { intent: Intent; ids: string[] } | undefined

  /** @throws Skipped where neither the call nor the month has credits left, or fewer than `least`. */
  async function setCreditsAside(
    serviceCallId: string,
    wanted: number,
    least = 1,
  ): Promise<Intent> {
    const left = params.max_credits - (await creditsSpent(db, call.id))
    if (left < 1) throw await session.end('max_credits', 'max_credits are spent')
    const most = Math.min(wanted, left)
    const intent = await setAside(db, call, serviceCallId, { ...account, budget }, most)
    if (intent.credits >= least) return intent
    if (intent.credits > 0) await putBack(db, call, serviceCallId, account, intent)
    throw await session.end('quota', `the credits of this month (${budget}) are spent`)
  }

  async function ask(first: Intent, ids: string[], { serviceCallId, context }: ExtractTools) {
    const { meter } = context
    const { patience, apollo } = session
    let intent: Intent | undefined = first
    // A 429 was not carried out, also where the wait after it is broken off or gets too long for a worker.
    const carriedOut = () => meter.requests - meter.rateLimited
    let carriedOutBefore = carriedOut()
    // What came of the try before stays in doubt: another one is another intent.
    const beforeAgain = async () => {
      intent = undefined
      intent = await setCreditsAside(serviceCallId, ids.length, ids.length)
      carriedOutBefore = carriedOut()
    }
    try {
      const matched = await matchPeople(apollo, ids, beforeAgain, { ...context, patience })
      return { ...matched, intent: intent ?? first }
    } catch (error) {
      const mayHaveCost = carriedOut() > carriedOutBefore
      const isRefused = error instanceof HttpFault && error.status < 500
      if (intent && (!mayHaveCost || isRefused))
        await putBack(db, call, serviceCallId, account, intent)
      throw await session.explain(error)
    }
  }

  return {
    service,
    operation: matchOperation,
    entity: matchedPeople,
    async extract(cursor, tools) {
      if (session.endedBy !== null) throw new Skipped(`ended by ${session.endedBy}`)
      const wanted = Math.min(batchSize, cursor.ids.length)
      const first = await setCreditsAside(tools.serviceCallId, wanted)
      const ids = cursor.ids.slice(0, first.credits)
      const { records, missed, credits, intent } = await ask(first, ids, tools)
      http.addCredits(service, credits)
      batch = { intent, ids }
      const rest = cursor.ids.slice(ids.length)
      return {
        records,
        next: rest.length > 0 ? { ids: rest } : null,
        absent: missed,
        credits: { spent: credits, settled: intent.credits },
      }
    },
    alsoWrite: eachPage(async (trx, { rows, stale, credits }) => {
      if (!batch) return
      const told = new Set([...rows.map(({ external_id: id }) => id), ...stale])
      const missed = batch.ids.filter((id) => !told.has(id))
      await markEnriched(trx, call.id, 'matched', [...told])
      await markEnriched(trx, call.id, 'missed', missed)
      await settleCredits(trx, account, batch.intent, credits?.spent ?? 0)
      await noteRan(trx, call.id, session.ranMs())
    }),
  }
}
