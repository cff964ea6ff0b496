import { chownSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serverAccount } from './account.ts'
import { findPostgresBinaries } from './postgres-binaries.ts'
import { clusterUrl, fillCluster } from './postgres-cluster.ts'
import { startPostgres } from './postgres-server.ts'

export interface PrivatePostgres {
  /** The superuser's, of the database `postgres`. */
  url: string
  dir: string
  /** Stops it and deletes everything. */
  stop(): Promise<void>
  /** Stops it (default: `fast`; `immediate` is a crash) and starts it with the same port and data. */
  restart(mode?: 'fast' | 'immediate'): Promise<void>
}

/**
 * A Postgres for this process alone, in a temporary folder. It ends, and the folder goes, with
 * `stop()` or with this process, also when that is killed; it does not keep the process alive.
 *
 * @param options.fsync whether it is safe against a power cut. Default: true; tests are faster without
 * @param options.settings further Postgres settings
 * @throws Fault with the server's last words
 */
export async function startPrivatePostgres(
  options: { fsync?: boolean; settings?: Record<string, string> } = {},
): Promise<PrivatePostgres> {
  const account = serverAccount()
  const binaries = findPostgresBinaries(account)
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'nightledger-postgres-')))
  if (account) chownSync(dir, account.uid, account.gid)
  const { fsync = true } = options
  const shared = { binaries, account, log: join(dir, 'postgres.log'), folderToRemove: dir }
  const start = (port?: number) =>
    startPostgres({
      ...shared,
      dataDir: join(dir, 'data'),
      port,
      settings: { fsync: fsync ? 'on' : 'off', ...options.settings },
    })
  try {
    await fillCluster(dir, { ...shared, fsync })
    let server = await start()
    return {
      url: clusterUrl(dir, server.port, 'postgres'),
      dir,
      restart: async (mode = 'fast') => {
        await server.stop(mode)
        server = await start(server.port)
      },
      stop: async () => {
        await server.stop('immediate')
        rmSync(dir, { recursive: true, force: true })
      },
    }
  } catch (error) {
    rmSync(dir, { recursive: true, force: true })
    throw error
  }
}
