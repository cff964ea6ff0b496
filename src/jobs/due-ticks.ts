import { Fault } from '../errors.ts'
import { DAY_MS, countLocalTimes, localTimes, parseCron } from './cron-expression.ts'
import type { CronPlan } from './cron-expression.ts'

export interface Schedule {
  /** Five cron fields, or six with the second first. */
  expression: string
  /** An IANA name: `Europe/Berlin`, `UTC`. */
  timezone: string
}

export type CatchUpPolicy = 'none' | 'last' | 'all'

export interface CatchUp {
  /** Which missed ticks are made good: none, the newest one, or all up to `cap`. (Default: 'last') */
  policy?: CatchUpPolicy | undefined
  /** For `all`: at most this many, the newest. (Default: 10) */
  cap?: number | undefined
  /** For `none`: how old a tick may be and still count as due now, in milliseconds. (Default: 60,000) */
  graceMs?: number | undefined
}

/**
 * Of the ticks in (after, until], those to run now, oldest first, and how many the policy leaves out.
 * A clock that was set back (until < after) gives none. Throws as `validateSchedule`, or on a wrong cap.
 */
export function dueTicks(
  schedule: Schedule,
  { after, until }: { after: Date; until: Date },
  { policy = 'last', cap = 10, graceMs = 60_000 }: CatchUp = {},
): { queue: Date[]; skipped: number } {
  if (!Number.isInteger(cap) || cap < 1) {
    throw new Fault('settings', `catch-up cap ${cap}: expected a whole number from 1`)
  }
  const timeline = openTimeline(schedule)
  const [from, to] = [nextSecond(after), nextSecond(until)]
  const wanted = policy === 'all' ? cap : 1
  const oldest = policy === 'none' ? until.getTime() - graceMs : -Infinity

  const newestFirst: Date[] = []
  for (const tick of timeline.ticks(from, to, -1)) {
    if (tick < oldest || newestFirst.length === wanted) break
    newestFirst.push(new Date(tick))
  }
  const skipped = timeline.count(from, to) - newestFirst.length
  return { queue: newestFirst.toReversed(), skipped }
}

/** The first tick later than `after`; null if there is none in 41 years. Throws as `validateSchedule`. */
export function nextTick(schedule: Schedule, after: Date): Date | null {
  const timeline = openTimeline(schedule)
  const from = nextSecond(after)
  // Most expressions fire within days; leap days on a given weekday can be 40 years apart.
  for (const days of [8, 41 * 366]) {
    for (const tick of timeline.ticks(from, from + days * DAY_MS, 1)) return new Date(tick)
  }
  return null
}

/** The last tick up to `until`, itself included, and later than `after`; null if there is none. Throws as `validateSchedule`. */
export function lastTick(
  schedule: Schedule,
  { after, until }: { after: Date; until: Date },
): Date | null {
  const timeline = openTimeline(schedule)
  const [from, to] = [nextSecond(after), nextSecond(until)]
  // As above; what is looked for is mostly of the last days.
  for (const start of [Math.max(from, to - 8 * DAY_MS), from]) {
    for (const tick of timeline.ticks(start, to, -1)) return new Date(tick)
  }
  return null
}

/** Throws a `Fault` of kind `settings` that says in one sentence what is wrong: the expression or the zone. */
export function validateSchedule(expression: string, timezone: string): void {
  openTimeline({ expression, timezone })
}

/** The first whole second after `date`: cron knows nothing finer, so (after, until] becomes [from, to). */
function nextSecond(date: Date): number {
  return Math.floor(date.getTime() / 1000) * 1000 + 1000
}

/** Times are in milliseconds, intervals [from, to), both ends on whole seconds. */
function openTimeline({ expression, timezone }: Schedule) {
  const plan = parseCron(expression)
  const offsetAt = openZone(timezone)
  return {
    /** Each tick once, ascending if `step` is 1, descending if -1. Lazy: the newest of a year costs a day. */
    *ticks(from: number, to: number, step: 1 | -1): Generator<number> {
      const stretches = splitByClock(plan.kind, offsetAt, from, to)
      for (const stretch of step === 1 ? stretches : stretches.toReversed()) {
        yield* ticksOf(plan, stretch, step)
      }
    },
    count(from: number, to: number): number {
      let count = 0
      for (const stretch of splitByClock(plan.kind, offsetAt, from, to)) {
        const { offset, oldOffset } = stretch
        if (oldOffset !== undefined) count += [...ticksOf(plan, stretch, 1)].length
        else count += countLocalTimes(plan, stretch.from + offset, stretch.to + offset)
      }
      return count
    },
  }
}

function* ticksOf(plan: CronPlan, stretch: Stretch, step: 1 | -1): Generator<number> {
  const { from, to, offset, oldOffset } = stretch
  const byClock = function* (o: number) {
    for (const time of localTimes(plan, from + o, to + o, step)) yield time - o
  }
  if (oldOffset === undefined) yield* byClock(offset)
  else {
    const both = new Set([...byClock(offset), ...byClock(oldOffset)])
    yield* [...both].toSorted((a, b) => (a - b) * step)
  }
}

/** Offset of a zone from UTC at a moment, both in milliseconds, east positive. */
type OffsetAt = (moment: number) => number

/** A stretch of real time, [from, to), and the clock to go by; right after a leap forward, the old one too. */
interface Stretch {
  from: number
  to: number
  offset: number
  oldOffset?: number
}

/** Longer than any change of the clock: Samoa skipped a whole day in 2011. */
const LONGEST_CHANGE_MS = DAY_MS + 3_600_000

/** Two changes that cancel out inside one step go unseen; since 2000 none are less than 7 days apart. */
const PROBE_MS = 4 * DAY_MS

/**
 * The daylight-saving rule, in order of time:
 * - after a leap forward, for its length, the old clock counts too: what was leapt over comes as if it had not been;
 * - after a step back, for its length, the clock shows times again: left out for `fixed` plans.
 *
 * It depends on the moment alone, so an interval that is cut in two has the same ticks as the whole.
 */
function splitByClock(kind: CronPlan['kind'], offsetAt: OffsetAt, from: number, to: number) {
  const changes = from < to ? findChanges(offsetAt, from - LONGEST_CHANGE_MS, to) : []
  const cuts = [from, ...changes.flatMap(({ at, end }) => [at, end]), to]
    .filter((cut) => cut >= from && cut <= to)
    .toSorted((a, b) => a - b)

  const stretches: Stretch[] = []
  for (const [index, start] of cuts.entries()) {
    const stretch = { from: start, to: cuts[index + 1] ?? start, offset: offsetAt(start) }
    if (stretch.from === stretch.to) continue
    const change = changes.findLast(({ at, end }) => at <= start && start < end)
    if (!change) stretches.push(stretch)
    else if (change.forward) stretches.push({ ...stretch, oldOffset: change.oldOffset })
    else if (kind === 'interval') stretches.push(stretch)
  }
  return stretches
}

function findChanges(offsetAt: OffsetAt, from: number, to: number) {
  const found: { at: number; end: number; forward: boolean; oldOffset: number }[] = []
  const halve = (start: number, before: number, end: number, after: number): void => {
    if (before === after) return
    if (end - start === 1000) {
      const length = Math.abs(after - before)
      found.push({ at: end, end: end + length, forward: after > before, oldOffset: before })
      return
    }
    const middle = Math.floor((start + end) / 2000) * 1000
    halve(start, before, middle, offsetAt(middle))
    halve(middle, offsetAt(middle), end, after)
  }
  for (let start = from; start < to; start += PROBE_MS) {
    const end = Math.min(to, start + PROBE_MS)
    halve(start, offsetAt(start), end, offsetAt(end))
  }
  return found
}

/** By the zone data that comes with Node, not the machine's. Throws a `Fault` if there is no such zone. */
function openZone(timezone: string): OffsetAt {
  const format = openFormat(timezone)
  return (moment) => {
    const part: Record<string, number> = {}
    for (const { type, value } of format.formatToParts(moment)) part[type] = Number(value)
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part
    return Date.UTC(year, month - 1, day, hour, minute, second) - moment
  }
}

function openFormat(timeZone: string): Intl.DateTimeFormat {
  const numeric = 'numeric'
  const fields = { year: numeric, month: numeric, day: numeric, hour: numeric } as const
  try {
    return new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
      ...fields,
      minute: numeric,
      second: numeric,
      hourCycle: 'h23',
      timeZone,
    })
  } catch (cause) {
    const expected = 'expected an IANA name such as "Europe/Berlin" or "UTC"'
    throw new Fault('settings', `time zone "${timeZone}" is unknown; ${expected}`, { cause })
  }
}
