import { dropOldAtHand, keepAtHand, pageAtHand, type PagePlace } from '../db/pages-at-hand.ts'
import type { Came } from './read-page.ts'
import type { Page, StreamDeps } from './stream.ts'
import type { UnderWay } from './under-way.ts'

/** Where pages are kept from their answer to their transaction, so that a kill costs only those that are under way. */
export interface Hand {
  /** Asks for a page, and keeps it; or, where the stream is `resumed` with it, takes what was at hand already. */
  take<Cursor>(
    place: PagePlace & { resumed: boolean },
    ask: () => Promise<Came<Cursor>>,
  ): Promise<Came<Cursor>>
}

/** Forgets, first, what nobody went on with. */
export async function openHand({ db, lease, log }: StreamDeps, underWay: UnderWay): Promise<Hand> {
  await dropOldAtHand(db)

  async function keep(place: PagePlace, { page, fetchedAt }: Came<unknown>): Promise<void> {
    try {
      await keepAtHand(db, lease, place, page, fetchedAt)
    } catch (error) {
      // It can be written all the same.
      log.warn({ reason: String(error), stream: place.id }, 'a page could not be kept at hand')
    }
  }

  return {
    async take<Cursor>(
      { resumed, ...place }: PagePlace & { resumed: boolean },
      ask: () => Promise<Came<Cursor>>,
    ) {
      const kept = resumed && (await pageAtHand(db, place))
      // As `keep` wrote it.
      if (kept) return { page: JSON.parse(kept.content) as Page<Cursor>, fetchedAt: kept.asked_at }
      return await underWay.ask(ask, async (came) => await keep(place, came))
    },
  }
}
