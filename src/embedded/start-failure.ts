import { Fault } from '../errors.ts'

/** What a person can always do instead of the embedded default. */
export const useOwnDatabase = 'Set DATABASE_URL to a Postgres of your own (15 to 18).'

/**
 * The error for an embedded service that does not come up.
 * Not retriable: the machine has to change first.
 *
 * @param hint what to do about it. Default: to set DATABASE_URL
 */
export function startFailure(service: string, reason: string, hint = useOwnDatabase): Fault {
  return new Fault('settings', reason, { service, hint, retriable: false })
}

/** `error.message`, or whatever was thrown as text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
