import { createSlidingWindow, type SlidingWindow } from '../../sliding-window.ts'
import type { InstagramSettings } from '../options.ts'

/** Whose limit a call counts against: the app's, or that of one own account (A3). */
export type Charged = { limit: 'app' } | { limit: 'account'; id: string }

export type Usage = {
  /** Counts the call unless the limit is reached; the headers tell the percentage either way. */
  admit(charged: Charged, nowMs: number, settings: InstagramSettings): Admission
}
export type Admission = { admitted: boolean; headers: Record<string, string> }

/** Calls in sliding windows: 100 % is the last one that is admitted (upstreams/instagram.md, A3). */
export function createUsage(): Usage {
  const windows = new Map<string, { spanMs: number; calls: SlidingWindow }>()

  const windowOf = (key: string, spanMs: number): SlidingWindow => {
    const known = windows.get(key)
    if (known?.spanMs === spanMs) return known.calls
    const calls = createSlidingWindow(spanMs)
    windows.set(key, { spanMs, calls })
    return calls
  }
  return {
    admit(charged, nowMs, settings) {
      const isApp = charged.limit === 'app'
      const spanMs = isApp ? settings.appWindowMs : settings.accountWindowMs
      const most = isApp ? settings.appCalls : settings.accountCalls
      const calls = windowOf(isApp ? 'app' : charged.id, spanMs)
      const admitted = calls.count(nowMs) < most
      if (admitted) calls.add(nowMs)
      const percent = Math.min(100, Math.floor((calls.count(nowMs) / most) * 100))
      const waitMinutes = admitted ? 0 : Math.ceil(spanMs / 60_000)
      const headers = isApp ? appHeader(percent) : accountHeader(charged.id, percent, waitMinutes)
      return { admitted, headers }
    },
  }
}

function appHeader(percent: number) {
  const value = { call_count: percent, total_time: percent >> 1, total_cputime: percent >> 2 }
  return { 'x-app-usage': JSON.stringify(value) }
}

function accountHeader(id: string, percent: number, waitMinutes: number) {
  const value = {
    type: 'instagram',
    call_count: percent,
    total_cputime: percent >> 2,
    total_time: percent >> 1,
    estimated_time_to_regain_access: waitMinutes,
  }
  return { 'x-business-use-case-usage': JSON.stringify({ [id]: [value] }) }
}
