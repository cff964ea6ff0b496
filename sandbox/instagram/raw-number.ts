import type { InstagramSettings } from './options.ts'

declare global {
  interface JSON {
    /** In Node 24; TypeScript's own library does not know it yet. */
    rawJSON(text: string): object
  }
}

/** Tells an id: `key` decides where ids are mixed. */
export type TellId = (pk: string, key: number) => string | object

/** As a number it is beyond 2^53, so that who parses it as a double loses its last digits. */
export function idTeller(ids: InstagramSettings['ids']): TellId {
  if (ids === 'string') return (pk) => pk
  if (ids === 'number') return (pk) => JSON.rawJSON(pk)
  return (pk, key) => (key % 2 === 0 ? JSON.rawJSON(pk) : pk)
}
