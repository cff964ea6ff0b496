import { CronExpressionParser } from 'cron-parser'

import { Fault } from '../errors.ts'

/**
 * What a cron expression names on the clock on the wall, free of any time zone.
 * A local time is a number here: the milliseconds that UTC would show it at.
 */
export interface CronPlan {
  /**
   * `interval`: the hour, minute or second is written with `*`, `?` or `/`, or every hour is listed.
   * `fixed`: all are plain numbers, lists or ranges. The two differ where the clock shows an hour twice.
   */
  kind: 'fixed' | 'interval'
  /** Seconds after midnight, ascending. */
  timesOfDay: readonly number[]
  /** Whether the expression fires on the day; `midnight` is a local time. */
  namesDay(midnight: number): boolean
}

export const DAY_MS = 86_400_000

/** Dates and weekdays repeat after 28 years: a day that has not come by then never does. */
const SEARCH_FROM = Date.UTC(2000, 0, 1)
const SEARCH_DAYS = 28 * 366

const NEVER = 'it never fires, since its months have no such day'

/**
 * Reads minute, hour, day of month, month and weekday, or those five after a second.
 * The library reads fields and days; its own way through clock changes is not used, since it skips and
 * doubles ticks there.
 *
 * Throws a `Fault` of kind `settings`, in one sentence, if the expression is wrong or never fires.
 */
export function parseCron(expression: string): CronPlan {
  const fields = expression.trim().split(/\s+/)
  // The library fills in fields that are missing: '2 *' would run every minute of every second day.
  if (fields.length < 5 || fields.length > 6) throw badExpression(expression, 'not 5 or 6 fields')
  // `H` is drawn at random: every process would draw its own.
  if (/(^|[\s,])H/.test(expression)) throw badExpression(expression, 'H is not supported')

  const parsed = parseFields(expression)
  const { second, minute, hour, month } = parsed.fields
  const timesOfDay = hour.values.flatMap((h) =>
    minute.values.flatMap((m) => second.values.map((s) => h * 3600 + m * 60 + s)),
  )
  const [firstTime = 0] = timesOfDay
  const months = new Set<number>(month.values)
  const namesDay = (midnight: number) =>
    months.has(new Date(midnight).getUTCMonth() + 1) &&
    parsed.includesDate(new Date(midnight + firstTime * 1000))

  if (!firesEver(namesDay)) throw badExpression(expression, NEVER)
  const stepped = fields.slice(0, -3).some((field) => /[*?/]/.test(field))
  return { kind: stepped || hour.values.length === 24 ? 'interval' : 'fixed', timesOfDay, namesDay }
}

/** The local times that `plan` names in [from, to), ascending if `step` is 1, descending if -1. Lazy. */
export function* localTimes(
  plan: CronPlan,
  from: number,
  to: number,
  step: 1 | -1,
): Generator<number> {
  for (const { midnight, first, end } of daysWithin(plan, from, to, step)) {
    const times = plan.timesOfDay.slice(first, end)
    if (step === -1) times.reverse()
    for (const time of times) yield midnight + time * 1000
  }
}

/** How many local times `plan` names in [from, to), without making them. */
export function countLocalTimes(plan: CronPlan, from: number, to: number): number {
  let count = 0
  for (const { first, end } of daysWithin(plan, from, to, 1)) count += end - first
  return count
}

/** The named days that [from, to) touches, each with the part of `timesOfDay` inside it: [first, end). */
function* daysWithin(plan: CronPlan, from: number, to: number, step: 1 | -1) {
  const oldest = Math.floor(from / DAY_MS) * DAY_MS
  const newest = Math.floor((to - 1) / DAY_MS) * DAY_MS
  const [start, stop] = step === 1 ? [oldest, newest] : [newest, oldest]
  for (let midnight = start; (stop - midnight) * step >= 0; midnight += step * DAY_MS) {
    if (!plan.namesDay(midnight)) continue
    const first = indexFrom(plan.timesOfDay, (from - midnight) / 1000)
    const end = indexFrom(plan.timesOfDay, (to - midnight) / 1000)
    if (first < end) yield { midnight, first, end }
  }
}

/** The index of the first of the ascending `times` not below `time`. By halves: a day can hold 86,400. */
function indexFrom(times: readonly number[], time: number): number {
  let low = 0
  let high = times.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((times[middle] ?? Infinity) < time) low = middle + 1
    else high = middle
  }
  return low
}

function parseFields(expression: string) {
  try {
    return CronExpressionParser.parse(expression, { tz: 'UTC' })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const impossibleDay = reason.includes('explicit day of month')
    throw badExpression(expression, impossibleDay ? NEVER : reason, cause)
  }
}

function firesEver(namesDay: CronPlan['namesDay']): boolean {
  for (let day = 0; day < SEARCH_DAYS; day++) if (namesDay(SEARCH_FROM + day * DAY_MS)) return true
  return false
}

function badExpression(expression: string, reason: string, cause?: unknown): Fault {
  const expected = 'expected "minute hour day month weekday", such as "0 2 * * *"'
  return new Fault('settings', `cron expression "${expression}": ${reason}; ${expected}`, { cause })
}
