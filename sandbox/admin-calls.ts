import type { z } from 'zod'
import type { ChangeScript, ChangeScripts } from './change-scripts.ts'
import type { FaultBox, Timed } from './faults/fault-box.ts'
import { json } from './http/answer.ts'
import type { AdminCall } from './upstream.ts'

/** `/faults`, or another path of that sort: what is pending; more of them; none. */
export function faultCalls<Fault extends Timed>(
  faults: FaultBox<Fault>,
  schema: z.ZodType<Fault[]>,
  path = '/faults',
): AdminCall[] {
  return [
    { method: 'GET', path, handle: () => json(200, faults.pending()) },
    {
      method: 'POST',
      path,
      handle(body) {
        faults.add(schema.parse(body))
        return json(200, faults.pending())
      },
    },
    deletion(path, () => faults.clear()),
  ]
}

/** `/changes`: how far the scripts are; one more, whose changes are made at once or later; none. */
export function changeCalls<Change, Applied, World>(
  parts: { scripts: ChangeScripts<Change, Applied, World>; world: World },
  schema: z.ZodType<ChangeScript<Change>>,
  clock: () => number,
): AdminCall[] {
  const path = '/changes'
  // Read anew each time: a reset makes another world.
  const progress = () => ({ scripts: parts.scripts.progress() })
  return [
    { method: 'GET', path, handle: () => json(200, progress()) },
    {
      method: 'POST',
      path,
      handle(body) {
        const applied = parts.scripts.add(schema.parse(body), parts.world, clock())
        return json(200, { applied, ...progress() })
      },
    },
    deletion(path, () => parts.scripts.clear()),
  ]
}

/** `/settings`: what may be shown to anyone; changed one by one, those that are not named stay. */
export function settingsCalls<Settings extends object>(
  parts: { settings: Settings },
  schema: z.ZodType<Settings>,
  {
    shown,
    readPatch,
  }: { shown: () => Record<string, unknown>; readPatch: (body: unknown) => object },
): AdminCall[] {
  const path = '/settings'
  return [
    { method: 'GET', path, handle: () => json(200, shown()) },
    {
      method: 'PATCH',
      path,
      handle(body) {
        const given = Object.entries(readPatch(body)).filter(([, value]) => value !== undefined)
        parts.settings = schema.parse({ ...parts.settings, ...Object.fromEntries(given) })
        return json(200, shown())
      },
    },
  ]
}

const deletion = (path: string, clear: () => void): AdminCall => ({
  method: 'DELETE',
  path,
  handle() {
    clear()
    return { status: 204 }
  },
})
