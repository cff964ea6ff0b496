import { entityJson, noteJson } from './wire.ts'
import type { EntityType, World } from './world.ts'

const nothing: ReadonlySet<string> = new Set()

/**
 * The world as it stands, a record at a time: contacts, companies, their deleted ones and notes, in
 * the API's own form with `kind` added. `listed: false` = deleted without a trace.
 */
export function* tellState(world: World, baseUrl: string): Generator<object> {
  const types: readonly EntityType[] = ['contacts', 'companies']
  for (const kind of types) {
    // Copies, since a change made while this is read would move the places in the lists.
    const live = [...world.live[kind].byId]
    const deleted = [...world.deleted[kind].byId]
    const notes = [...world.notes[kind].byId]
    const gone = world.gone.filter((entity) => entity.type === kind)
    for (const entity of live) {
      yield { kind, listed: true, ...entityJson(world, entity, baseUrl, false, nothing) }
    }
    for (const entity of deleted) {
      yield { kind, listed: true, ...entityJson(world, entity, baseUrl, true, nothing) }
    }
    for (const entity of gone) {
      yield { kind, listed: false, ...entityJson(world, entity, baseUrl, true, nothing) }
    }
    for (const note of notes) {
      yield { kind: 'notes', entity_type: kind, ...noteJson(note, kind, baseUrl) }
    }
  }
}
