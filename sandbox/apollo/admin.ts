import { faultsSchema } from '../faults/fault-schema.ts'
import { json } from '../http/answer.ts'
import type { AdminCall } from '../upstream.ts'
import { settingsSchema } from './options.ts'
import { type ApolloParts, shownSettings } from './parts.ts'

const patchSchema = settingsSchema.partial()

/** The admin API of Apollo, below `/_sandbox/apollo`. */
export function apolloAdmin(parts: ApolloParts): AdminCall[] {
  const { faults } = parts
  return [
    { method: 'GET', path: '/settings', handle: () => json(200, shownSettings(parts)) },
    {
      method: 'PATCH',
      path: '/settings',
      handle(body) {
        const given = Object.entries(patchSchema.parse(body)).filter(
          ([, value]) => value !== undefined,
        )
        parts.settings = settingsSchema.parse({ ...parts.settings, ...Object.fromEntries(given) })
        return json(200, shownSettings(parts))
      },
    },
    { method: 'GET', path: '/faults', handle: () => json(200, faults.pending()) },
    {
      method: 'POST',
      path: '/faults',
      handle(body) {
        faults.add(faultsSchema.parse(body))
        return json(200, faults.pending())
      },
    },
    {
      method: 'DELETE',
      path: '/faults',
      handle() {
        faults.clear()
        return { status: 204 }
      },
    },
  ]
}
