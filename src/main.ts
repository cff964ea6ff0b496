import { Command, Option } from 'commander'
import { exitCode, reportError } from './cli/exit.ts'
import { onStopSignals } from './cli/stop-signals.ts'
import { unknownSchedules } from './cli/unknown-schedules.ts'
import { sayNotAnalysed } from './etl/extract/analysis/open-services.ts'
import { startHttp } from './http/server.ts'
import { catalog, missingSettings } from './jobs/catalog.ts'
import { startWork } from './jobs/start-work.ts'
import { open, type Opened } from './open.ts'

const roles = ['scheduler', 'worker', 'http'] as const
type Role = (typeof roles)[number]

const program = new Command()
  .name('npm start --')
  .description('Scheduler, worker and HTTP in one process, until SIGTERM or Ctrl-C.')
  .addOption(
    new Option('--only <roles>', `some of ${roles.join(', ')}`)
      .argParser(readRoles)
      .default([...roles], 'all'),
  )
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : exitCode.wrongInput))

program.parse()
process.exitCode = await main(program.opts<{ only: Role[] }>().only)

async function main(only: readonly Role[]): Promise<number> {
  let opened: Opened | undefined
  try {
    opened = await open({ name: only.join('+'), upstreams: true, files: true })
    return await serve(opened, only)
  } catch (error) {
    return reportError(error, opened?.settings.hide)
  } finally {
    await opened?.close()
  }
}

async function serve(opened: Opened, only: readonly Role[]): Promise<number> {
  const { log, settings } = opened
  const asked = Promise.withResolvers<string>()
  const ignoreSignals = onStopSignals(asked.resolve)
  for (const job of catalog) {
    const missing = missingSettings(job, settings)
    if (missing.length > 0)
      log.warn({ job: job.name, missing }, 'not scheduled: its upstream is not configured')
  }
  for (const without of sayNotAnalysed(settings)) log.info(`not analysed: ${without}`)
  for (const warning of unknownSchedules(settings, catalog)) log.warn(warning)
  // First, since it may refuse to start.
  const http = only.includes('http') ? await startHttp(opened) : undefined
  try {
    const work = await startWork({
      ...opened,
      jobs: catalog,
      scheduler: only.includes('scheduler'),
      queue: only.includes('worker'),
    })
    log.info({ roles: only, worker: opened.worker, http: http?.url }, 'ready')

    // A process that lives on without its queue would look well and do nothing: better that its keeper starts it again.
    const signal = await Promise.race([asked.promise, work.failed])
    log.info({ signal }, 'stopping: finishing the pages and requests at hand')
    // Side by side: leases are given back at once, however long a request at hand takes.
    await Promise.all([http?.close(), work.stop()])
  } finally {
    await http?.close()
  }
  ignoreSignals()
  log.info('stopped')
  return exitCode.succeeded
}

function readRoles(text: string): Role[] {
  const named = text.split(',').map((role) => role.trim())
  const unknown = named.filter((role) => !roles.some((known) => known === role))
  if (unknown.length > 0)
    program.error(`--only: ${unknown.join(', ')} is none of ${roles.join(', ')}`)
  return roles.filter((role) => named.includes(role))
}
