import { existsSync } from 'node:fs'
import { type Account, canEnter } from './account.ts'
import { startFailure } from './start-failure.ts'

const workingDirectory = '/proc/self/cwd'

/**
 * What to call a data folder in a program that the account runs with it as working directory.
 *
 * The folder is the account's own, but may lie where the account may not go: in root's checkout
 * under /root, say. Root then starts the program inside it, and it goes by Linux's name for "where I
 * am", which leads there without passing the folders above. So the data stay where LOCAL_DIR says,
 * and go when that is deleted.
 *
 * @throws Fault where the system has no such name
 */
export function dataFolderName(account: Account | undefined, dataDir: string): string {
  if (!account || canEnter(account, dataDir)) return dataDir
  if (existsSync(workingDirectory)) return workingDirectory
  throw startFailure(
    'postgres',
    `${dataDir} cannot be reached by uid ${account.uid}, which Postgres runs as for root.`,
    'Set LOCAL_DIR to a folder that every user can reach, or set DATABASE_URL.',
  )
}
