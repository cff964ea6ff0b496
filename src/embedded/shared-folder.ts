import { chmodSync, mkdirSync, statSync } from 'node:fs'
import { messageOf } from './start-failure.ts'

/**
 * A folder of root's that every account can reach, for programs that cannot be run from the checkout.
 * Not below /var/tmp where it can be helped: what lies unread for weeks is swept from there, file by file.
 *
 * @throws Error where there is none
 */
export function sharedFolder(): string {
  let problem: unknown
  for (const path of ['/var/lib/nightledger', '/var/tmp/nightledger']) {
    try {
      mkdirSync(path, { recursive: true })
      // Anyone may make a folder in /var/tmp, and what lies in this one is run.
      if (statSync(path).uid !== process.geteuid?.()) throw new Error(`${path} is another user's`)
      chmodSync(path, 0o755)
      return path
    } catch (error) {
      problem = error
    }
  }
  throw new Error(`no folder for it: ${messageOf(problem)}`, { cause: problem })
}
