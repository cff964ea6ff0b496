import { createSlidingWindow, type SlidingWindow } from '../sliding-window.ts'
import type { AmocrmSettings } from './options.ts'

export type Verdict = 'in' | 'too many' | 'blocked'

export type Gate = {
  /** `integration` is the token that came, or '' for a stranger's. */
  judge(integration: string, nowMs: number, settings: AmocrmSettings): Verdict
  isBlocked(): boolean
  unblock(): void
}

/**
 * The limits of upstreams/amocrm.md, 5: so many a second for each integration, more for the whole
 * account, and a block of everything after too many refusals, which only support can lift.
 * Refused requests don't count towards the second, but they do towards the block.
 */
export function createGate(): Gate {
  let blocked = false
  const account = createSlidingWindow(1000)
  const integrations = new Map<string, SlidingWindow>()
  let refusedAt: number[] = []

  return {
    judge(integration, nowMs, settings) {
      if (blocked) return 'blocked'
      const own = integrations.get(integration) ?? createSlidingWindow(1000)
      integrations.set(integration, own)
      const full =
        own.count(nowMs) >= settings.perSecond || account.count(nowMs) >= settings.accountPerSecond
      if (!full) {
        own.add(nowMs)
        account.add(nowMs)
        return 'in'
      }
      refusedAt = refusedAt.filter((at) => nowMs - at < settings.blockWindowMs)
      refusedAt.push(nowMs)
      blocked = settings.blockAfter429s !== null && refusedAt.length >= settings.blockAfter429s
      return 'too many'
    },
    isBlocked: () => blocked,
    unblock() {
      blocked = false
      refusedAt = []
    },
  }
}
