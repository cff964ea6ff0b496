import { hostname, userInfo } from 'node:os'

/** The account of the operating system and the machine (`anna@desk`): what the ledger calls whoever works at a terminal. */
export function osAccount(): string {
  try {
    return `${userInfo().username}@${hostname()}`
  } catch {
    // A container may run under a number that has no name.
    return `uid ${process.getuid?.() ?? '?'}@${hostname()}`
  }
}
