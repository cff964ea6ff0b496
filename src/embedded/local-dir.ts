import { accessSync, constants, mkdirSync, realpathSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { messageOf, startFailure } from './start-failure.ts'

/** The folder that holds package.json. */
export const checkout = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Makes sure that the folder for the embedded services' data is there and ours to write.
 * It need not be one that the server's account can reach: see `data-folder.ts`.
 *
 * @param wanted LOCAL_DIR. Default: `.local` in the checkout
 * @returns its real path
 * @throws Fault when it cannot be made or written
 */
export function prepareLocalDir(wanted?: string): string {
  const dir = resolve(wanted ?? join(checkout, '.local'))
  try {
    mkdirSync(dir, { recursive: true })
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK)
    return realpathSync(dir)
  } catch (error) {
    throw startFailure(
      'postgres',
      `LOCAL_DIR ${dir} cannot be used: ${messageOf(error)}`,
      'Set LOCAL_DIR to a folder that you may write to, or set DATABASE_URL.',
    )
  }
}
