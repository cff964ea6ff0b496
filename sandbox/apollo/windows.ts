import type { ApolloSettings } from './options.ts'

const spans = ['minute', 'hour', 'day'] as const
export type Span = (typeof spans)[number]

export type Limits = Record<Span, number>
type Window = { from: number; used: number }

export type Windows = {
  /** Counts a request, or names the window that is full and how long it lasts, in ms. A refused one does not count. */
  admit(
    nowMs: number,
    limits: Limits,
    settings: ApolloSettings,
  ): { full: Span; leftMs: number } | 'in'
  headers(limits: Limits, settings: ApolloSettings): Record<string, string>
  used(): Record<Span, number>
}

/** The fixed windows of one endpoint: minute, hour and day (upstreams/apollo.md, 4). */
export function createWindows(): Windows {
  const windows: Record<Span, Window> = {
    minute: { from: -Infinity, used: 0 },
    hour: { from: -Infinity, used: 0 },
    day: { from: -Infinity, used: 0 },
  }
  return {
    admit(nowMs, limits, settings) {
      for (const span of spans) {
        const window = windows[span]
        const lastsMs = lengthMs(span, settings)
        if (nowMs - window.from < lastsMs) continue
        window.from = settings.windowsOpen === 'clock' ? nowMs - (nowMs % lastsMs) : nowMs
        window.used = 0
      }
      const full = spans.findLast((span) => windows[span].used >= limits[span])
      if (full) return { full, leftMs: windows[full].from + lengthMs(full, settings) - nowMs }
      for (const span of spans) windows[span].used++
      return 'in'
    },
    headers: (limits, { rateHeaders }) => {
      if (rateHeaders === 'none') return {}
      const tell = (limit: string, name: string, span: Span) => ({
        [`x-rate-limit-${limit}`]: String(limits[span]),
        [`x-${name}-usage`]: String(windows[span].used),
        [`x-${name}-requests-left`]: String(Math.max(0, limits[span] - windows[span].used)),
      })
      return {
        ...tell('minute', 'minute', 'minute'),
        ...tell('hourly', 'hourly', 'hour'),
        ...(rateHeaders !== '24-hour' && tell('daily', 'daily', 'day')),
        ...(rateHeaders !== 'daily' && tell('24-hour', '24-hour', 'day')),
      }
    },
    used: () => ({
      minute: windows.minute.used,
      hour: windows.hour.used,
      day: windows.day.used,
    }),
  }
}

function lengthMs(span: Span, { minuteMs, hourMs, dayMs }: ApolloSettings): number {
  return { minute: minuteMs, hour: hourMs, day: dayMs }[span]
}
