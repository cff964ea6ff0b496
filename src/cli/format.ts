/** `2026-11-22T02:00:03Z`: seconds are enough for people. */
export function isoTime(time: Date | null | undefined): string {
  return time ? `${time.toISOString().slice(0, 19)}Z` : ''
}

/** The time between two moments (to now where it still goes on): `420 ms`, `4.4 s`, `3 min 12 s`, `2 h 5 min`, `3 d 4 h`. */
export function tookFrom(from: Date | null | undefined, to: Date | null | undefined): string {
  return from ? span((to ?? new Date()).getTime() - from.getTime()) : ''
}

/** A number of milliseconds in the two units that say most. */
export function span(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  const [days, hours, minutes] = [86_400, 3600, 60].map((unit) => Math.floor(seconds / unit))
  if (days) return `${days} d ${(hours ?? 0) % 24} h`
  if (hours) return `${hours} h ${(minutes ?? 0) % 60} min`
  return `${minutes} min ${seconds % 60} s`
}

/** `, about 12 s left`; nothing where nobody knows. */
export function timeLeft(leftMs: number | undefined): string {
  return leftMs === undefined
    ? ''
    : `, about ${span(Math.max(1000, Math.round(leftMs / 1000) * 1000))} left`
}

/** `940 B`, `1.2 MB`: thousands, as networks count. */
export function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= 1000
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

/** `1 page`, `2 pages`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

/**
 * What came from outside (subjects, reasons, messages), on one line: a control character in it could
 * break a line in two, or steer the terminal.
 */
export function oneLine(text: string, most = Number.POSITIVE_INFINITY): string {
  const clean = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]+/gu, ' ')
  return clean.length > most ? `${clean.slice(0, Math.max(0, most - 1))}…` : clean
}
