import { dropOldAtHand, keepAtHand, pageAtHand, type PagePlace } from '../db/pages-at-hand.ts'
import type { Span } from '../tracing.ts'
import type { Meter } from './extract/http-client.ts'
import type { Page, StreamDeps } from './stream.ts'
import type { UnderWay } from './under-way.ts'

/** A page, with what it leaves to others. */
export interface Came<Cursor> {
  page: Page<Cursor>
  /** When it was asked for. */
  fetchedAt: Date
  /** What it cost. */
  requests: Meter
  /** It is kept until it is written. */
  isAtHand?: boolean
  /** From its request to its commit, in traces. */
  span?: Span
}

/** Where pages are kept from their answer to their transaction, so that a kill costs only those that are under way. */
export interface Hand {
  /** Asks for a page, and keeps it. */
  ask<Cursor>(place: PagePlace, ask: () => Promise<Came<Cursor>>): Promise<Came<Cursor>>
  /** The page that an attempt before had at hand. */
  held<Cursor>(place: PagePlace): Promise<Came<Cursor> | undefined>
}

/** @param underWay Default: the order in each stream is bound enough, and a page is kept where another one follows. */
export async function openHand({ db, lease, log }: StreamDeps, underWay?: UnderWay): Promise<Hand> {
  // First, what nobody went on with.
  await dropOldAtHand(db)

  async function keep(place: PagePlace, came: Came<unknown>): Promise<void> {
    const { page, requests, fetchedAt } = came
    try {
      await keepAtHand(db, lease, place, { page, requests }, fetchedAt)
      came.isAtHand = true
    } catch (error) {
      // It can be written all the same, but not read past before.
      log.warn({ reason: String(error), stream: place.id }, 'a page could not be kept at hand')
    }
  }

  return {
    async ask(place, ask) {
      if (underWay) return await underWay.ask(ask, (came) => keep(place, came))
      const came = await ask()
      if (tellsNext(came.page)) await keep(place, came)
      return came
    },

    async held<Cursor>(place: PagePlace) {
      const kept = await pageAtHand(db, place)
      if (!kept) return undefined
      // As it was kept.
      const content = JSON.parse(kept.content) as Pick<Came<Cursor>, 'page' | 'requests'>
      return { ...content, fetchedAt: kept.asked_at, isAtHand: true }
    },
  }
}

/** Whether another page follows, whatever becomes of this one. */
export const tellsNext = ({ next, endsUnless }: Page<unknown>): boolean =>
  next !== null && endsUnless === undefined
