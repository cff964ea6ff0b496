import { randomBytes } from 'node:crypto'
import {
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { type Account, serverAccount } from './account.ts'
import { dataFolderName } from './data-folder.ts'
import type { PostgresBinaries } from './postgres-binaries.ts'
import { logEnd, logTail } from './service-log.ts'
import { startFailure } from './start-failure.ts'
import { spawnTethered } from './tether.ts'

export interface ClusterOptions {
  binaries: PostgresBinaries
  account: Account | undefined
  /** The file for what initdb prints. */
  log: string
  /** Whether it must survive a power cut. Default: true. */
  fsync?: boolean | undefined
  /** A folder to remove if this process is killed meanwhile. Default: none. */
  folderToRemove?: string | undefined
}

/**
 * Makes a cluster that is there as a whole or not at all: `<folder>/data` and `<folder>/password`,
 * both readable only by the server's account. One that is there stays as it is.
 *
 * @throws Fault with initdb's last words
 */
export async function ensureCluster(folder: string, options: ClusterOptions): Promise<void> {
  if (existsSync(folder)) return
  const parent = dirname(folder)
  const prefix = `${basename(folder)}.unfinished-`
  for (const name of readdirSync(parent)) {
    if (name.startsWith(prefix)) rmSync(join(parent, name), { recursive: true, force: true })
  }
  // A name of its own each time: an initdb that outlived its killed keeper may still write to the old one.
  const unfinished = join(parent, `${prefix}${randomBytes(4).toString('hex')}`)
  makePrivateDir(unfinished, options.account)
  await fillCluster(unfinished, options)
  renameSync(unfinished, folder)
  syncFolder(parent)
}

// Without it a power cut may take the new name back, and with it all that was written since.
function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r')
  fsyncSync(handle)
  closeSync(handle)
}

/** Fills an empty folder of the account's with a new cluster. */
export async function fillCluster(folder: string, options: ClusterOptions): Promise<void> {
  const { account, binaries, log } = options
  const passwordFile = join(folder, 'password')
  writeFileSync(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600, flush: true })
  if (account) chownSync(passwordFile, account.uid, account.gid)
  const dataDir = join(folder, 'data')
  makePrivateDir(dataDir, account)
  const from = logEnd(log)
  const initdb = spawnTethered(
    binaries.initdb,
    [
      `--pgdata=${dataFolderName(account, dataDir)}`,
      '--username=postgres',
      '--pwfile=../password',
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      ...(options.fsync === false ? ['--no-sync'] : []),
    ],
    { stopSignal: 'TERM', log, account, cwd: dataDir, folderToRemove: options.folderToRemove },
  )
  const code = await initdb.exited
  if (code === 0) return
  rmSync(folder, { recursive: true, force: true })
  throw startFailure(
    'postgres',
    `Postgres could not make its data folder in ${dirname(folder)}: ${logTail(log, from)}`,
  )
}

/** Makes a folder that only the account (default: ours) can enter. */
export function makePrivateDir(folder: string, account: Account | undefined): void {
  mkdirSync(folder, { mode: 0o700 })
  if (account) chownSync(folder, account.uid, account.gid)
}

/** The account to run a cluster as: its owner where there is one, which root may not be. */
export function clusterAccount(folder: string): Account | undefined {
  const preferred = serverAccount()
  const owner = statSync(folder, { throwIfNoEntry: false })
  return preferred && owner && owner.uid !== 0 ? { uid: owner.uid, gid: owner.gid } : preferred
}

/** The address of a database of the cluster, with the superuser's password in it: never to be printed. */
export function clusterUrl(folder: string, port: number, database: string): string {
  const password = readFileSync(join(folder, 'password'), 'utf8')
  return `postgres://postgres:${password}@127.0.0.1:${port}/${database}`
}
