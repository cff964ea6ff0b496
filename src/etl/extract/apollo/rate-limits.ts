import type { Answer } from '../answer.ts'
import type { WindowUse } from '../quota-windows.ts'

/** How the headers spell each window: of the day's the documentation has one, real clients read the other (upstreams/apollo.md, 4). */
const spellings = [
  { name: 'minute', limit: 'minute', usage: 'minute' },
  { name: 'hour', limit: 'hourly', usage: 'hourly' },
  { name: 'day', limit: 'daily', usage: 'daily' },
  { name: 'day', limit: '24-hour', usage: '24-hour' },
] as const

/** What an answer's headers tell of the windows. One that is missing, or no number, is unknown, never 0. */
export function readUse({ headers }: Pick<Answer, 'headers'>): WindowUse[] {
  return spellings.flatMap(({ name, limit, usage }) => {
    const max = positive(headers[`x-rate-limit-${limit}`])
    const left = whole(headers[`x-${usage}-requests-left`])
    const used =
      whole(headers[`x-${usage}-usage`]) ??
      (max !== undefined && left !== undefined ? Math.max(0, max - left) : undefined)
    return max === undefined && used === undefined ? [] : [{ name, max, used }]
  })
}

/**
 * Which window a 429 names: its text tells path, count and window (upstreams/apollo.md, 5), as in `60 per hour` and
 * `200 times per minute`.
 */
export function readRefusal({ text }: Pick<Answer, 'text'>): WindowUse | undefined {
  const said = text().slice(0, 2000)
  const found =
    /(?:(\d{1,9})(?: times| requests| calls)? )?(?:per|an?|each|every) (minute|hour|day)\b/i.exec(
      said,
    )
  const word = (found?.[2] ?? /\b(minute|hour|dai|day|24.hour)/i.exec(said)?.[1])?.toLowerCase()
  if (!word) return undefined
  const name = word === 'minute' ? 'minute' : word === 'hour' ? 'hour' : 'day'
  return { name, max: positive(found?.[1]) }
}

function whole(value: string | string[] | undefined): number | undefined {
  const text = (Array.isArray(value) ? value[0] : value)?.trim() ?? ''
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined
}

function positive(value: string | string[] | undefined): number | undefined {
  return whole(value) || undefined
}
