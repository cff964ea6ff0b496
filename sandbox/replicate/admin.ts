import { z } from 'zod'
import { faultCalls, settingsCalls } from '../admin-calls.ts'
import { requestFaultSchema } from '../analysis/faults.ts'
import { tallyCalls } from '../analysis/tally-calls.ts'
import { timeCalls } from '../analysis/time-calls.ts'
import { ndjson } from '../http/answer.ts'
import type { AdminCall } from '../upstream.ts'
import { fateSchema } from './faults.ts'
import { settingsSchema } from './options.ts'
import { type ReplicateParts, shownSettings } from './parts.ts'
import { advance, statusAt } from './prediction.ts'

const patchSchema = settingsSchema.partial()

/** The admin API of Replicate, below `/_sandbox/replicate`. */
export function replicateAdmin(parts: ReplicateParts): AdminCall[] {
  const settle = () => {
    for (const one of parts.open) advance(parts, one, parts.clock.nowMs())
  }
  return [
    ...settingsCalls(parts, settingsSchema, {
      shown: () => shownSettings(parts),
      readPatch: (body) => patchSchema.parse(body),
    }),
    ...faultCalls(parts.faults, z.array(requestFaultSchema)),
    ...faultCalls(parts.fates, z.array(fateSchema), '/fates'),
    ...timeCalls(parts, settle),
    ...tallyCalls(parts, settle),
    /** Every prediction, the oldest first. */
    {
      method: 'GET',
      path: '/predictions',
      handle() {
        settle()
        const nowMs = parts.clock.nowMs()
        const all = [...parts.predictions.values()]
        return ndjson(
          all.map((one) => ({ id: one.id, content: one.content, status: statusAt(one, nowMs) })),
        )
      },
    },
  ]
}
