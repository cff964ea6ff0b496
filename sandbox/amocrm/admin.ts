import { z } from 'zod'
import { changeCalls, faultCalls, settingsCalls } from '../admin-calls.ts'
import { faultsSchema } from '../faults/fault-schema.ts'
import { ndjson } from '../http/answer.ts'
import type { AdminCall } from '../upstream.ts'
import { changeScriptSchema } from './change-schema.ts'
import { settingsSchema } from './options.ts'
import { type AmocrmParts, clockOf, shownSettings } from './parts.ts'
import { tellState } from './state.ts'

const patchSchema = settingsSchema.partial().extend({ unblock: z.literal(true).optional() })

/** The admin API of amoCRM, below `/_sandbox/amocrm`. */
export function amocrmAdmin(parts: AmocrmParts): AdminCall[] {
  const readPatch = (body: unknown) => {
    const { unblock, ...patch } = patchSchema.parse(body)
    if (unblock) parts.gate.unblock()
    return patch
  }
  return [
    ...settingsCalls(parts, settingsSchema, { shown: () => shownSettings(parts), readPatch }),
    ...faultCalls(parts.faults, faultsSchema),
    ...changeCalls(parts, changeScriptSchema, () => clockOf(parts)),
    { method: 'GET', path: '/state', handle: () => ndjson(tellState(parts.world, '')) },
  ]
}
