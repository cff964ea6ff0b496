import { z } from 'zod'
import { type Answer, json } from '../http/answer.ts'
import type { Ask } from '../upstream.ts'
import { dice } from './dice.ts'
import { refusal } from './errors.ts'
import type { ApolloParts } from './parts.ts'
import { indexOfId, indexOfSlug, type Person, personAt } from './people.ts'
import { enrichedPerson } from './wire.ts'

const MAX_DETAILS = 10

const detail = z.object({
  id: z.string().optional(),
  email: z.string().optional(),
  linkedin_url: z.string().optional(),
})
const bulkSchema = z.object({ details: z.array(detail).min(1) })
type Detail = z.infer<typeof detail>

/**
 * `POST /api/v1/people/bulk_match`: upstreams/apollo.md, 3. People are found by id, e-mail or LinkedIn address; by
 * names alone the simulated one finds nobody. Each match costs a credit.
 */
export function enrichAnswer(parts: ApolloParts, ask: Ask): Answer {
  const said: unknown = ask.body.trim() === '' ? {} : JSON.parse(ask.body)
  const parsed = bulkSchema.safeParse(said)
  if (!parsed.success) return refusal(422, z.prettifyError(parsed.error))
  const { details } = parsed.data
  // Its real status is unconfirmed.
  if (details.length > MAX_DETAILS) {
    return refusal(
      422,
      `details holds ${details.length} people, ${MAX_DETAILS} at most are allowed`,
    )
  }
  const { settings, account } = parts
  const matches = details.map((one) => match(parts, one))
  const credits = matches.filter((person) => person !== undefined).length
  // How an empty balance shows is not documented; the whole call is refused here.
  if (settings.credits !== null && account.creditsSpent + credits > settings.credits) {
    return refusal(422, 'insufficient credits: upgrade your plan or wait for the next cycle')
  }
  account.creditsSpent += credits
  const told = matches.map((person) => (person === undefined ? null : enrichedPerson(person)))
  return {
    ...json(200, {
      status: 'success',
      error_code: null,
      error_message: null,
      total_requested_enrichments: details.length,
      unique_enriched_records: new Set(matches.flatMap((person) => person?.id ?? [])).size,
      missing_records: details.length - credits,
      credits_consumed: credits,
      matches: settings.missesAs === 'omitted' ? told.filter((one) => one !== null) : told,
    }),
    rows: credits,
  }
}

function match({ options, settings }: ApolloParts, one: Detail): Person | undefined {
  const slug =
    one.linkedin_url?.split('/in/')[1]?.replace(/\/$/, '') ?? one.email?.split('@')[0] ?? ''
  const index = one.id === undefined ? indexOfSlug(options, slug) : indexOfId(options, one.id)
  if (index === undefined) return undefined
  const isMissed = dice(options.seed, index, 60) % 10_000 < settings.missRate * 10_000
  return isMissed ? undefined : personAt(options, index)
}
