import { addLeads, lookAtLeads, type NewLead, noteRan } from '../db/leadgens.ts'
import { Skipped } from '../errors.ts'
import { leaveOutErased } from '../etl/erased/without-erased.ts'
import {
  foundPeople,
  matchOperation,
  searchOperation,
  service,
} from '../etl/extract/apollo/operations.ts'
import { type SearchCursor, searchPeople } from '../etl/extract/apollo/search-people.ts'
import { eachPage, type Operation } from '../etl/stream.ts'
import { type FoundRow, toFound } from '../etl/transform/apollo.ts'
import type { Run } from './job.ts'
import type { LeadgenParams } from './leadgen.ts'
import type { MatchCursor } from './leadgen-match.ts'
import type { LeadgenSession } from './leadgen-session.ts'
import type { Step } from './leadgen-widening.ts'

/**
 * A step of the search: its people page by page, those that no page and no step before had becoming leads, as many as are
 * still wanted. A page opens the stream in which its leads are enriched.
 */
export function stepSearch(
  { db, call, params }: Run<LeadgenParams>,
  session: LeadgenSession,
  { step, filters }: Step,
): Operation<SearchCursor, FoundRow> {
  // One page at a time: what is asked for here is written before the next is asked for.
  let leads: NewLead[] = []
  return {
    service,
    operation: searchOperation(step),
    entity: foundPeople,
    async extract(cursor, { context }) {
      if (session.endedBy !== null) throw new Skipped(`ended by ${session.endedBy}`)
      const { apollo, patience } = session
      const found = await searchPeople(apollo, filters, cursor, { ...context, patience }).catch(
        async (error: unknown) => {
          throw await session.explain(error)
        },
      )
      // Else they would count as leads, and be paid for.
      const people = await leaveOutErased(db, foundPeople, found.people)
      const rows = people.flatMap((person) => {
        const transformed = toFound(person)
        return 'row' in transformed ? [transformed.row] : []
      })
      const ids = rows.map(({ external_id: id }) => id)
      const { count, known } = await lookAtLeads(db, call.id, ids)
      leads = newLeads(rows, known).slice(0, params.target_leads - count)
      const enough = count + leads.length >= params.target_leads
      const toEnrich = params.enrich ? leads.filter(({ hasAddress }) => !hasAddress) : []
      const cursorOfMatch: MatchCursor = { ids: toEnrich.map(({ id }) => id) }
      const seed = {
        operation: matchOperation,
        subject: `${step} ${cursor.page}`,
        cursor: cursorOfMatch,
      }
      return {
        records: found.people,
        next: enough ? null : found.next,
        opens: toEnrich.length > 0 ? [seed] : [],
      }
    },
    alsoWrite: eachPage(async (trx, { rows, stale }) => {
      // A record that the database refused is none.
      const written = new Set([...rows.map(({ external_id: id }) => id), ...stale])
      await addLeads(
        trx,
        call.id,
        step,
        leads.filter(({ id }) => written.has(id)),
      )
      await noteRan(trx, call.id, session.ranMs())
    }),
  }
}

/** In the order of the page, each person once. */
function newLeads(rows: readonly FoundRow[], known: ReadonlySet<string>): NewLead[] {
  const fresh = new Map<string, NewLead>()
  for (const { external_id: id, linkedin_url: url } of rows)
    if (!known.has(id)) fresh.set(id, { id, hasAddress: url !== null })
  return [...fresh.values()]
}
