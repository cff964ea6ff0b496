import { z } from 'zod'
import type { Answer } from '../../answer.ts'

const percent = z.number().catch(0)
const used = z.looseObject({ call_count: percent, total_time: percent, total_cputime: percent })
const usedByAccount = z.record(
  z.string(),
  z.array(
    used.extend({
      type: z.string().optional().catch(undefined),
      estimated_time_to_regain_access: z.number().catch(0),
    }),
  ),
)

/** What an answer's headers tell of the limits; they are not on every answer (upstreams/instagram.md, A3). */
export interface GraphUsage {
  /** Of what is allowed, of the limit that is nearest. */
  percent: number
  /** Until calls are allowed again, in milliseconds, where that is told. */
  regainMs?: number
}

export function usageIn({ headers }: Pick<Answer, 'headers'>): GraphUsage {
  const app = used.safeParse(jsonIn(headers['x-app-usage'])).data
  const accounts = usedByAccount.safeParse(jsonIn(headers['x-business-use-case-usage'])).data ?? {}
  // Other products of the same business have limits of their own.
  const ours = Object.values(accounts)
    .flat()
    .filter(({ type }) => type === undefined || type === 'instagram')
  const all = app ? [app, ...ours] : ours
  const minutes = Math.max(0, ...ours.map((one) => one.estimated_time_to_regain_access))
  return {
    percent: Math.max(
      0,
      ...all.flatMap((one) => [one.call_count, one.total_time, one.total_cputime]),
    ),
    ...(minutes > 0 && { regainMs: minutes * 60_000 }),
  }
}

function jsonIn(header: string | string[] | undefined): unknown {
  try {
    return JSON.parse(String(header ?? ''))
  } catch {
    return undefined
  }
}
