import { createServer } from 'node:net'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Account } from './account.ts'
import { dataFolderName } from './data-folder.ts'
import type { PostgresBinaries } from './postgres-binaries.ts'
import { endOrphan, readPostmaster, signalProcess } from './postmaster.ts'
import { logEnd, logTail, readFrom } from './service-log.ts'
import { startFailure } from './start-failure.ts'
import { spawnTethered, type Tethered } from './tether.ts'
import { waitUntil } from './wait-until.ts'

export interface ServerOptions {
  binaries: PostgresBinaries
  account: Account | undefined
  /** The cluster's data folder, as a real path. */
  dataDir: string
  log: string
  /** Default: a free one. */
  port?: number | undefined
  /** Settings on top of ours. */
  settings?: Record<string, string>
  /** A folder to remove if this process is killed. Default: none. */
  folderToRemove?: string | undefined
}

export interface PostgresServer {
  port: number
  /** Settles when it has ended, for whatever reason. */
  exited: Promise<unknown>
  /** `fast` writes everything out, `immediate` is a crash with recovery at the next start. */
  stop(mode?: 'fast' | 'immediate'): Promise<void>
}

const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '256MB',
  max_wal_size: '2GB',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // Errors and their statements can hold people's data and secrets; the client gets them, the log not.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_checkpoints: 'off',
}

// Recovery after a crash replays at most max_wal_size.
const readyTimeoutMs = 300_000
// What passes by itself: the port was taken since we looked, the last of a killed server still ends.
const passing = /could not create any TCP\/IP sockets|shared memory block .* still in use/
const maxTries = 20

/**
 * Starts Postgres on a data folder and waits until it takes connections. One that was left running
 * there is stopped first.
 *
 * @throws Fault with the server's last words
 */
export async function startPostgres(options: ServerOptions): Promise<PostgresServer> {
  await endOrphan(options.dataDir)
  for (let tries = 1; ; tries += 1) {
    const from = logEnd(options.log)
    const port = options.port ?? (await freePort())
    const server = launch(options, port)
    const pid = await readyPid(server, options.dataDir, port)
    if (pid !== undefined) {
      server.unref()
      return { port, exited: server.exited, stop: (mode) => stop(server, pid, mode) }
    }
    await server.stop()
    if (tries === maxTries || !passing.test(readFrom(options.log, from))) {
      throw startFailure('postgres', `Postgres did not start: ${logTail(options.log, from)}`)
    }
    await delay(250)
  }
}

function launch(options: ServerOptions, port: number): Tethered {
  const { binaries, account, dataDir, log, folderToRemove } = options
  const all = Object.entries({ ...settings, ...options.settings, port: String(port) })
  const args = all.flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return spawnTethered(binaries.postgres, ['-D', dataFolderName(account, dataDir), ...args], {
    cwd: dataDir,
    stopSignal: 'INT', // to Postgres: fast shutdown
    account,
    log,
    folderToRemove,
  })
}

// The file and not a trial connection: another's server may sit on the port that ours did not get.
async function readyPid(
  server: Tethered,
  dataDir: string,
  port: number,
): Promise<number | undefined> {
  let pid: number | undefined
  await waitUntil(() => {
    const postmaster = readPostmaster(dataDir)
    if (postmaster?.isReady && postmaster.port === port) pid = postmaster.pid
    return pid !== undefined || server.hasExited()
  }, readyTimeoutMs)
  return server.hasExited() ? undefined : pid
}

async function stop(
  server: Tethered,
  pid: number,
  mode: 'fast' | 'immediate' = 'fast',
): Promise<void> {
  if (mode === 'fast' && !server.hasExited()) {
    signalProcess(pid, 'SIGINT')
    await waitUntil(server.hasExited, 10_000)
  }
  if (!server.hasExited()) {
    signalProcess(pid, 'SIGQUIT')
    await waitUntil(server.hasExited, 5000)
  }
  await server.stop()
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  if (address === null || typeof address === 'string') throw new TypeError('no port')
  return address.port
}
