import { z } from 'zod'
import { faultsSchema } from '../faults/fault-schema.ts'
import { json, ndjson } from '../http/answer.ts'
import type { AdminCall } from '../upstream.ts'
import { type AmocrmParts, clockOf, shownSettings } from './parts.ts'
import { changeScriptSchema } from './change-schema.ts'
import { settingsSchema } from './options.ts'
import { tellState } from './state.ts'

const settingsPatchSchema = settingsSchema.partial().extend({ unblock: z.literal(true).optional() })

/** The admin API of amoCRM, below `/_sandbox/amocrm`. */
export function amocrmAdmin(parts: AmocrmParts): AdminCall[] {
  const { faults, scripts } = parts
  return [
    { method: 'GET', path: '/settings', handle: () => json(200, shownSettings(parts)) },
    { method: 'PATCH', path: '/settings', handle: (body) => patchSettings(parts, body) },

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

    { method: 'GET', path: '/changes', handle: () => json(200, { scripts: scripts.progress() }) },
    {
      method: 'POST',
      path: '/changes',
      handle(body) {
        const script = changeScriptSchema.parse(body)
        const applied = scripts.add(script, parts.world, clockOf(parts))
        return json(200, { applied, scripts: scripts.progress() })
      },
    },
    {
      method: 'DELETE',
      path: '/changes',
      handle() {
        scripts.clear()
        return { status: 204 }
      },
    },

    { method: 'GET', path: '/state', handle: () => ndjson(tellState(parts.world, '')) },
  ]
}

function patchSettings(parts: AmocrmParts, body: unknown) {
  const { unblock, ...patch } = settingsPatchSchema.parse(body)
  const given = Object.entries(patch).filter(([, value]) => value !== undefined)
  parts.settings = settingsSchema.parse({ ...parts.settings, ...Object.fromEntries(given) })
  if (unblock === true) parts.gate.unblock()
  return json(200, shownSettings(parts))
}
