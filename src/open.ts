import { hostname } from 'node:os'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { connect, type Connection } from './db/connect.ts'
import { isDatabaseAway } from './db/lost-connection.ts'
import { migrate } from './db/migrate.ts'
import { joinEmbedded } from './embedded/join.ts'
import { s3Keys } from './embedded/s3.ts'
import { Fault } from './errors.ts'
import { createHttpClient, type HttpClient } from './etl/extract/http-client.ts'
import { type Files, openFiles } from './etl/load/files.ts'
import { createLog, type Logger } from './log.ts'
import { parseSettings, type Settings } from './settings.ts'
import { startTracing } from './tracing.ts'

export interface Opened extends Connection {
  settings: Settings
  log: Logger
  http: HttpClient
  /** Undefined where no storage is set. */
  files: Files | undefined
  /** Names this process in the ledger. */
  worker: string
  /** Gives everything back, in order; then nothing keeps the process alive. */
  close(): Promise<void>
}

export interface OpenOptions {
  /** What the process is for: names it in the database's list of connections. */
  name: string
  /** For commands that a person reads: what to log where LOG_LEVEL is not set. Default: info, for services. */
  logLevel?: string
  /** Whether it calls upstreams, so that the sandbox may be needed. Default: false. */
  upstreams?: boolean
  /** Whether it reads or writes files, so that the S3 server may be needed. Default: false. */
  files?: boolean
}

/**
 * What every command stands on: settings, database (the embedded one where none is set), schema up to date, HTTP client.
 * The only place that reads the environment.
 * @throws Fault that says in one line what is missing.
 */
export async function open(
  options: OpenOptions,
  env: NodeJS.ProcessEnv = readEnvironment(),
): Promise<Opened> {
  const own = parseSettings(env)
  const embedded = await joinWhatIsNeeded(own, options)
  const settings = embedded ? parseSettings({ ...embedded.env, ...withoutEmpty(env) }) : own
  const log = createLog(
    env['LOG_LEVEL'] ? settings.LOG_LEVEL : (options.logLevel ?? settings.LOG_LEVEL),
    settings.hide,
  )
  if (embedded) {
    // A person at a command is told in plain words, whatever is logged.
    if (options.logLevel) process.stderr.write(`${embedded.says}\n`)
    else log.info(embedded.says)
  }

  const endTracing = options.upstreams
    ? await startTracing(env, settings.hide, (reason) => log.warn({ reason }, 'tracing'))
    : undefined
  const url = settings.DATABASE_URL ?? ''
  const connection = connect(url, {
    log,
    max: settings.WORKER_CONCURRENCY * 2 + 8,
    applicationName: `nightledger ${options.name}`,
  })
  const worker = `${hostname()}:${process.pid}:${randomBytes(3).toString('hex')}`
  const http = createHttpClient({ db: connection.db, log, worker })
  const files = openFiles(settings)
  const close = async () => {
    files?.close()
    await http.close().catch(() => {})
    await connection.close()
    await endTracing?.()
    await embedded?.release()
  }
  try {
    const applied = await migrate(connection)
    if (applied.length > 0) log.info({ applied }, 'the database was brought up to date')
  } catch (error) {
    await close()
    throw unreachable(error, settings)
  }
  return { ...connection, settings, log, http, files, worker, close }
}

/** The environment, and under it what stands in `.env`. */
function readEnvironment(): NodeJS.ProcessEnv {
  if (existsSync('.env')) process.loadEnvFile('.env')
  return process.env
}

/** The sandbox serves only the embedded database, or where SANDBOX=1 asks for it: invented data never lands in a real one by default. */
async function joinWhatIsNeeded(
  settings: Settings,
  { upstreams = false, files = false }: OpenOptions,
) {
  const postgres = settings.DATABASE_URL === undefined
  if (postgres && settings.NODE_ENV === 'production') {
    throw new Fault(
      'settings',
      'DATABASE_URL: not set; with NODE_ENV=production nothing is embedded',
    )
  }
  const {
    AMOCRM_BASE_URL: amocrm,
    APOLLO_BASE_URL: apollo,
    INSTAGRAM_BASE_URL: instagram,
  } = settings
  // What a simulated service finds in real posts would be taken for true: only where that is asked for.
  const services =
    instagram === undefined || settings.SANDBOX
      ? [settings.VISION_BASE_URL, settings.TEXT_ML_BASE_URL]
      : []
  const sandbox =
    upstreams &&
    (postgres || settings.SANDBOX) &&
    [amocrm, apollo, instagram, ...services].some((baseUrl) => baseUrl === undefined)
  const s3 = files && (postgres || settings.SANDBOX) && settings.MINIO_ENDPOINT === undefined
  if (!postgres && !sandbox && !s3) return undefined
  const joined = await joinEmbedded({ dir: settings.LOCAL_DIR, postgres, sandbox, s3 })
  const { databaseUrl, sandboxUrl, s3Url, dir } = joined
  const parts = [databaseUrl && 'Postgres', s3Url && 'S3', sandboxUrl && 'simulated upstreams']
  const what = new Intl.ListFormat('en').format(parts.filter((part) => part !== undefined))
  return {
    release: joined.release,
    says: `using the embedded ${what} (data in ${dir}); set DATABASE_URL and the upstreams for real ones`,
    env: {
      ...(databaseUrl && { DATABASE_URL: databaseUrl }),
      // What the sandbox accepts is no secret.
      ...(sandboxUrl &&
        amocrm === undefined && {
          AMOCRM_BASE_URL: `${sandboxUrl}/amocrm`,
          AMOCRM_ACCESS_TOKEN: 'sandbox-token',
        }),
      ...(sandboxUrl &&
        apollo === undefined && {
          APOLLO_BASE_URL: `${sandboxUrl}/apollo`,
          APOLLO_API_KEY: 'sandbox-key',
        }),
      ...(sandboxUrl && instagram === undefined && instagramSandbox(sandboxUrl, settings)),
      ...(sandboxUrl && services.length > 0 && analysisSandbox(sandboxUrl, settings)),
      ...(s3Url && {
        MINIO_ENDPOINT: s3Url,
        MINIO_ACCESS_KEY: s3Keys.accessKey,
        MINIO_SECRET_KEY: s3Keys.secretKey,
      }),
    },
  }
}

function instagramSandbox(sandboxUrl: string, { INSTAGRAM_ROUTE: route }: Settings) {
  return route === 'graph'
    ? {
        INSTAGRAM_BASE_URL: `${sandboxUrl}/graph/v25.0`,
        INSTAGRAM_ACCESS_KEY: 'sandbox-graph-token',
      }
    : { INSTAGRAM_BASE_URL: `${sandboxUrl}/instagram`, INSTAGRAM_ACCESS_KEY: 'sandbox-key' }
}

function analysisSandbox(
  sandboxUrl: string,
  { VISION_BASE_URL: vision, TEXT_ML_BASE_URL: textMl, VISION_API: api }: Settings,
) {
  return {
    ...(vision === undefined && {
      VISION_BASE_URL: `${sandboxUrl}/${api === 'replicate' ? 'replicate' : 'vision'}`,
      VISION_API_KEY: 'sandbox-key',
      ...(api === 'replicate' && { VISION_MODEL: 'a1'.repeat(32) }),
    }),
    ...(textMl === undefined && {
      TEXT_ML_BASE_URL: `${sandboxUrl}/text-ml`,
      TEXT_ML_API_KEY: 'sandbox-key',
    }),
  }
}

const withoutEmpty = (env: NodeJS.ProcessEnv) =>
  Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()))

function unreachable(error: unknown, settings: Settings): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const refused = code === '28P01' || code === '28000' || code === '3D000' || isDatabaseAway(error)
  if (!refused) return error
  const reason =
    error instanceof AggregateError ? error.errors.map(String).join('; ') : String(error)
  return new Fault('database', settings.hide(`no database: ${reason}`), {
    cause: error,
    hint: 'check DATABASE_URL, and that Postgres runs there',
  })
}
