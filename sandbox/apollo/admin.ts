import { faultCalls, settingsCalls } from '../admin-calls.ts'
import { faultsSchema } from '../faults/fault-schema.ts'
import type { AdminCall } from '../upstream.ts'
import { settingsSchema } from './options.ts'
import { type ApolloParts, shownSettings } from './parts.ts'

const patchSchema = settingsSchema.partial()

/** The admin API of Apollo, below `/_sandbox/apollo`. */
export function apolloAdmin(parts: ApolloParts): AdminCall[] {
  const shown = () => shownSettings(parts)
  return [
    ...settingsCalls(parts, settingsSchema, {
      shown,
      readPatch: (body) => patchSchema.parse(body),
    }),
    ...faultCalls(parts.faults, faultsSchema),
  ]
}
