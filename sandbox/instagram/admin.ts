import { changeCalls, faultCalls, settingsCalls } from '../admin-calls.ts'
import { json, ndjson } from '../http/answer.ts'
import type { AdminCall } from '../upstream.ts'
import { changeScriptSchema } from './change-schema.ts'
import { countWorld } from './counts.ts'
import { faultsSchema } from './faults.ts'
import { settingsSchema } from './options.ts'
import { clockOf, type InstagramParts, shownSettings } from './parts.ts'
import { stateQuerySchema, tellState } from './state.ts'

const patchSchema = settingsSchema.partial()

/** The admin API of both routes, below `/_sandbox/instagram`. */
export function instagramAdmin(parts: InstagramParts): AdminCall[] {
  const shown = () => shownSettings(parts)
  const clock = () => clockOf(parts)
  return [
    ...settingsCalls(parts, settingsSchema, {
      shown,
      readPatch: (body) => patchSchema.parse(body),
    }),
    ...faultCalls(parts.faults, faultsSchema),
    ...changeCalls(parts, changeScriptSchema, clock),
    {
      method: 'GET',
      path: '/state',
      handle(_, query) {
        const asked = stateQuerySchema.parse(Object.fromEntries(query))
        return ndjson(tellState(parts.world, asked, clock()))
      },
    },
    {
      /** Every address of a file that was given so far is good no longer. */
      method: 'POST',
      path: '/expire-addresses',
      handle() {
        parts.addresses.expireAll()
        return { status: 204 }
      },
    },
    { method: 'GET', path: '/counts', handle: () => json(200, countWorld(parts.world, clock())) },
  ]
}
