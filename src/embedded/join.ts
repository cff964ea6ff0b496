import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { connectToKeeper, type KeeperConnection } from './keeper-connection.ts'
import { type KeeperProcess, spawnKeeper } from './keeper-process.ts'
import { type JoinRequest, otherKeeper, readAddress } from './keeper-protocol.ts'
import { checkout, prepareLocalDir } from './local-dir.ts'
import { logEnd, logTail } from './service-log.ts'
import { startFailure } from './start-failure.ts'

export interface JoinOptions {
  /** LOCAL_DIR: where the data lie. Default: `.local` in the checkout (see `prepareLocalDir`). */
  dir?: string | undefined
  /** Whether the database is wanted. Default: true. */
  postgres?: boolean
  /** Whether the simulated upstreams are wanted. Default: true. */
  sandbox?: boolean
  /** Whether the S3 server is wanted. Default: false. */
  s3?: boolean
  /** Default: `sandbox/main.ts` of the checkout. Where a sandbox is up already, that one is joined. */
  sandboxProgram?: string
  /** Gives up waiting when it fires; the services then end by themselves. */
  signal?: AbortSignal
}

export interface EmbeddedServices {
  /** With the password in it: never to be printed. Undefined where no database was asked for. */
  databaseUrl: string | undefined
  sandboxUrl: string | undefined
  s3Url: string | undefined
  /** Where the data lie, as a real path. */
  dir: string
  /** Whether this call started them; false: it joined running ones. */
  started: boolean
  /** Stops using them. They end about a second after nobody uses them. */
  release: () => Promise<void>
}

// For a keeper to show up. From then on it is the keeper's to say how long a start may take.
const keeperTimeoutMs = 60_000
const lookAgainMs = 20

/**
 * Brings Postgres and the sandbox up, as processes of their own, or joins those that run on the same
 * folder already. They stay up until `release()` or until this process ends, also by `kill -9`; they
 * never keep it alive.
 *
 * @throws Fault that says why they do not come up and what to do; the signal's reason if that fires
 */
export async function joinEmbedded(options: JoinOptions): Promise<EmbeddedServices> {
  const { postgres: wantsPostgres = true, sandbox: wantsSandbox = true, s3: wantsS3 } = options
  const dir = prepareLocalDir(options.dir)
  const { connection, started } = await findKeeper(dir, options.signal, {
    services: [
      ...(wantsPostgres ? (['postgres'] as const) : []),
      ...(wantsSandbox ? (['sandbox'] as const) : []),
      ...(wantsS3 ? (['s3'] as const) : []),
    ],
    sandboxProgram: options.sandboxProgram ?? join(checkout, 'sandbox/main.ts'),
  })
  const { postgres, sandbox, s3 } = connection.urls
  if (wantsPostgres && !postgres) throw new TypeError('the keeper named no database')
  return {
    databaseUrl: postgres,
    sandboxUrl: sandbox,
    s3Url: s3,
    dir,
    started,
    release: () => connection.close(),
  }
}

// Any number of commands may be here at once, each with a keeper of its own started: the lock lets
// one of those live, and all of them find its address. The same when a keeper is just stopping: its
// address is gone, and the new ones end at once until it has given the lock back.
async function findKeeper(
  dir: string,
  signal: AbortSignal | undefined,
  request: Omit<JoinRequest, 'token'>,
): Promise<{ connection: KeeperConnection; started: boolean }> {
  const log = join(dir, 'keeper.log')
  const from = logEnd(log)
  const giveUpAt = performance.now() + keeperTimeoutMs
  const ourPids = new Set<number | undefined>()
  let ours: KeeperProcess | undefined
  while (performance.now() < giveUpAt) {
    signal?.throwIfAborted()
    const address = readAddress(dir)
    const connection = address && (await connectToKeeper(address, request, signal))
    if (connection) return { connection, started: ourPids.has(connection.keeperPid) }
    const code = ours?.exitCode()
    if (code !== undefined && code !== otherKeeper && code !== 0) {
      throw startFailure('keeper', `The embedded services did not start: ${logTail(log, from)}`)
    }
    if (!ours || code !== undefined) {
      ours = spawnKeeper(dir)
      ourPids.add(ours.pid)
    }
    await delay(lookAgainMs)
  }
  throw startFailure(
    'keeper',
    `Another process holds ${join(dir, 'keeper.lock')} and does not answer: ${logTail(log, from)}`,
    'End that process, or set LOCAL_DIR to another folder, or set DATABASE_URL.',
  )
}
