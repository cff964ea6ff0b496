import { z } from 'zod'
import { Fault } from '../../../errors.ts'
import { isObject } from '../../../is-object.ts'
import { apolloId } from '../../transform/apollo.ts'
import type { RequestContext } from '../http-client.ts'
import { type Apollo, matchPath } from './upstream.ts'

/** People in one request, at most (upstreams/apollo.md, 3). */
export const batchSize = 10

export interface Matched {
  /** One per person that was found, under the id that was asked for. */
  records: unknown[]
  missed: string[]
  credits: number
}

const matchBody = z.looseObject({
  matches: z.array(z.unknown()),
  credits_consumed: z.int().min(0).nullish().catch(null),
})

/**
 * Asks for what the search does not tell of up to ten people. It costs credits: what is to be written down before it
 * is sent again goes into `beforeAgain`.
 */
export async function matchPeople(
  apollo: Apollo,
  ids: readonly string[],
  beforeAgain: () => Promise<void>,
  context: RequestContext,
): Promise<Matched> {
  const body = { details: ids.map((id) => ({ id })) }
  const answer = await apollo.ask(matchPath, { body, idempotent: true, beforeAgain }, context)
  const parsed = matchBody.safeParse(answer.json())
  if (!parsed.success) {
    const message = `POST ${matchPath}: a list of matches was due, not "${answer.quote()}"`
    throw new Fault('bad_answer', message, { service: 'apollo' })
  }
  const { matches, credits_consumed: credits } = parsed.data
  const found = pairMatches(ids, matches)
  const missed = ids.filter((id) => !found.has(id))
  return { records: [...found.values()], missed, credits: credits ?? found.size }
}

/**
 * Who is who in an answer: misses are null, or left out, so a person is known by the id that came back, and by the place
 * only where that id is none of those that were asked for (upstreams/apollo.md, 3).
 */
export function pairMatches(
  ids: readonly string[],
  matches: readonly unknown[],
): Map<string, unknown> {
  const asked = new Set(ids)
  const found = new Map<string, unknown>()
  for (const match of matches) {
    const id = apolloId(match)
    if (id !== undefined && asked.has(id)) found.set(id, match)
  }
  if (matches.length !== ids.length) return found
  for (const [index, id] of ids.entries()) {
    const match = matches[index]
    if (found.has(id) || !isObject(match) || asked.has(apolloId(match) ?? '')) continue
    found.set(id, { ...match, id, returned_id: apolloId(match) ?? null })
  }
  return found
}
