import type { Seed } from '../db/service-calls.ts'
import { type EndedBy, listLinkedinUrls, listSteps } from '../db/leadgens.ts'
import { searchOperation } from '../etl/extract/apollo/operations.ts'
import type { SearchCursor } from '../etl/extract/apollo/search-people.ts'
import type { Operation } from '../etl/stream.ts'
import { leadMatch } from './leadgen-match.ts'
import { stepSearch } from './leadgen-search.ts'
import { openLeadgenSession } from './leadgen-session.ts'
import type { LeadgenParams } from './leadgen.ts'
import { type Step, widen } from './leadgen-widening.ts'
import type { Run } from './job.ts'

export type LeadgenSteps = Awaited<ReturnType<typeof openLeadgenSteps>>

/** The steps of `leadgen`. All may be run again: what is done is passed over, what was left open goes on. */
export async function openLeadgenSteps(run: Run<LeadgenParams>) {
  const { db, call, params } = run
  const session = await openLeadgenSession(run)
  const steps = widen(params.search)
  const match = leadMatch(run, session)

  /** Reads a page of each stream that is open, of which there is one; whether there was. */
  async function readPage<Cursor, Row>(
    operation: Operation<Cursor, Row>,
    seeds: readonly Omit<Seed, 'operation'>[] = [],
  ): Promise<boolean> {
    let pages = 0
    // Strictly one request after the other: what is asked next depends on what came.
    await run.streams(operation, seeds, { pages: 1, parallel: 1, onPage: () => pages++ })
    return pages > 0
  }

  return {
    steps,

    /** Reads the next page of a step. False: the step is over, or the whole search is. */
    async nextPage(step: Step): Promise<boolean> {
      if (await session.isOver()) return false
      if ((await session.countLeads()) >= params.target_leads) return false
      const firstPage: SearchCursor = { page: 1 }
      const seed = { subject: '', cursor: firstPage }
      return await readPage(stepSearch(run, session, step), [seed])
    },

    /** Enriches those that were found and not yet asked for, also by an attempt before. */
    async enrichFound(): Promise<void> {
      while (!(await session.isOver()) && (await readPage(match))) continue
    },

    /** Ends the search, for good: what is still open will not be asked. */
    async end(): Promise<EndedBy> {
      const enough = (await session.countLeads()) >= params.target_leads
      await session.end(enough ? 'target' : 'exhausted', 'all was read')
      await run.streams(match, [])
      for (const step of steps) await run.streams(stepSearch(run, session, step), [])
      return session.endedBy ?? 'exhausted'
    },

    async found() {
      return {
        leads: await session.countLeads(),
        linkedinUrls: await listLinkedinUrls(db, call.id),
        steps: await listSteps(db, call.id, searchOperation),
      }
    },
  }
}
