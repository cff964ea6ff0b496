import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

const sqliteBusy = 5

// A handle that nothing refers to is closed by the garbage collector, and the lock with it.
let held: DatabaseSync | undefined

/**
 * Makes this process the one keeper of the folder, until it ends.
 * It is a file lock of the kernel's, gone with the process however that ends, so there is no stale
 * lock to tell from a live one. Node has no call for it; its SQLite takes one for a transaction.
 *
 * @returns false where another process is the keeper
 */
export function takeKeeperLock(localDir: string): boolean {
  // Two that try at the very same moment can hinder each other; with some patience one of them wins.
  const lock = new DatabaseSync(join(localDir, 'keeper.lock'), { timeout: 300 })
  try {
    lock.exec('pragma journal_mode = memory; begin exclusive')
    held = lock
  } catch (error) {
    lock.close()
    const isBusy = error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy
    if (!isBusy) throw error
  }
  return held !== undefined
}
