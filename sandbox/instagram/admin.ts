import { json, ndjson } from '../http/answer.ts'
import type { AdminCall } from '../upstream.ts'
import { changeScriptSchema } from './change-schema.ts'
import { countWorld } from './counts.ts'
import { faultsSchema } from './faults.ts'
import { settingsSchema } from './options.ts'
import { clockOf, type InstagramParts, shownSettings } from './parts.ts'
import { stateQuerySchema, tellState } from './state.ts'

/** The admin API of both routes, below `/_sandbox/instagram`. */
export function instagramAdmin(parts: InstagramParts): AdminCall[] {
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

    {
      method: 'GET',
      path: '/state',
      handle(_, query) {
        const asked = stateQuerySchema.parse(Object.fromEntries(query))
        return ndjson(tellState(parts.world, asked, clockOf(parts)))
      },
    },
    {
      method: 'GET',
      path: '/counts',
      handle: () => json(200, countWorld(parts.world, clockOf(parts))),
    },
  ]
}

function patchSettings(parts: InstagramParts, body: unknown) {
  const patch = settingsSchema.partial().parse(body)
  const given = Object.entries(patch).filter(([, value]) => value !== undefined)
  parts.settings = settingsSchema.parse({ ...parts.settings, ...Object.fromEntries(given) })
  return json(200, shownSettings(parts))
}
