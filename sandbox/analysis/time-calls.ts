import { z } from 'zod'
import { json } from '../http/answer.ts'
import type { AdminCall } from '../upstream.ts'
import { isoTime } from './clock.ts'

const clockSchema = z.strictObject({ advanceSeconds: z.number().min(0) })
const finishSchema = z.strictObject({ ids: z.array(z.string()).optional() }).default({})

/** What takes its time: from `startMs` its files are fetched, from `dueMs` on it may end. */
type Timed = { id: string; startMs: number; dueMs: number }

/**
 * `/clock` moves the service's clock on, and its work with it. `/finish` makes work due now, all of
 * it or some: what never ends does not, and polls that are wanted are still wanted.
 */
export function timeCalls(
  { clock, open }: { clock: { nowMs(): number; advance(seconds: number): void }; open: Set<Timed> },
  settle: () => void,
): AdminCall[] {
  const told = () => json(200, { now: isoTime(clock.nowMs()), open: open.size })
  return [
    { method: 'GET', path: '/clock', handle: told },
    {
      method: 'POST',
      path: '/clock',
      handle(body) {
        clock.advance(clockSchema.parse(body).advanceSeconds)
        settle()
        return told()
      },
    },
    {
      method: 'POST',
      path: '/finish',
      handle(body) {
        const { ids } = finishSchema.parse(body)
        const nowMs = clock.nowMs()
        for (const one of open) {
          if (ids !== undefined && !ids.includes(one.id)) continue
          one.startMs = Math.min(one.startMs, nowMs)
          one.dueMs = Math.min(one.dueMs, nowMs)
        }
        settle()
        return told()
      },
    },
  ]
}
