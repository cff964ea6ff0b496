import { z } from 'zod'
import type { Transformed } from '../../stream.ts'
import { validated } from '../validated.ts'
import { by, ifKnown, object, required } from '../fields.ts'
import { id, idInside, word } from './values.ts'

export interface PostInsightsRow {
  post_id: string
  post_shortcode: string | undefined
  insights: Record<string, unknown>
}

export interface ProfileInsightsRow {
  graph_id: string
  insights: Record<string, unknown>
}

/** One metric (upstreams/instagram.md, A4): a value a period, or one total, maybe broken down. */
const metric = z.object({
  name: z.string().min(1),
  values: ifKnown(by(z.array(z.object({ value: z.unknown().optional() })))),
  total_value: ifKnown(
    object({ value: z.unknown().optional(), breakdowns: z.unknown().optional() }),
  ),
})
const insights = z.array(metric)
const ofPost = z.object({
  media: z.object({ id: required(id), shortcode: ifKnown(word) }),
  insights,
})
const ofProfile = z.object({ profile_id: required(idInside), insights })

export function toPostInsights(payload: unknown): Transformed<PostInsightsRow> {
  return validated(ofPost, payload, (told) => ({
    post_id: told.media.id,
    post_shortcode: told.media.shortcode,
    insights: byName(told.insights),
  }))
}

export function toProfileInsights(payload: unknown): Transformed<ProfileInsightsRow> {
  return validated(ofProfile, payload, (told) => ({
    graph_id: told.profile_id,
    insights: byName(told.insights),
  }))
}

/** Of several periods the last: they come in their order. What has no value is left out: it is not known, never 0. */
function byName(metrics: z.output<typeof insights>): Record<string, unknown> {
  const values = metrics.map(({ name, values: periods, total_value }) => [
    name,
    total_value?.value ?? total_value?.breakdowns ?? periods?.at(-1)?.value,
  ])
  return Object.fromEntries(values.filter(([, value]) => value !== undefined && value !== null))
}
