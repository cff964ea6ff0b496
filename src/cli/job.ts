import { Command, InvalidArgumentError } from 'commander'
import { catalog, describeParams, findJob, missingSettings, parseParams } from '../jobs/catalog.ts'
import { Fault } from '../errors.ts'
import { isObject } from '../is-object.ts'
import type { Job } from '../jobs/job.ts'
import { open, type Opened } from '../open.ts'
import { inputErrors } from './arguments.ts'
import { reportError } from './exit.ts'
import { oneLine } from './format.ts'
import { findJobCall } from './ledger/find-job-call.ts'
import { listJobs } from './list-jobs.ts'
import { printPlan } from './print-plan.ts'
import { runJob } from './run-job.ts'

const program = inputErrors(new Command())
  .name('npm run job --')
  .description('Runs one job now, in this process, to its end. Without a name: lists the jobs.')
  .argument('[name]', 'the job')
  .option('--params <json>', 'its parameters as a JSON object (default: {})')
  .option('--full', 'read everything again (the parameter "full")')
  .option('--new', 'start afresh, where an unfinished call would be taken up')
  .option('--resume <id>', 'take up this job call, with its parameters')
  .option('--dry-run', 'say which requests and credits it would take, as far as known')
  .option('--wait <seconds>', 'how long to wait for analyses that are out', seconds, 60)
  .addHelpText(
    'after',
    () =>
      `\nJobs:\n${catalog.map((job) => `  ${job.name} ${describeParams(job)}\n    ${job.title}`).join('\n')}\n\nExit codes: 0 succeeded, 1 failed, 2 wrong name or parameters, 130 interrupted`,
  )

export interface JobOptions {
  params?: string
  full?: true
  new?: true
  resume?: string
  dryRun?: true
  wait: number
}

program.parse()
process.exitCode = await main(program.args[0], program.opts<JobOptions>())

async function main(name: string | undefined, options: JobOptions): Promise<number> {
  let opened: Opened | undefined
  try {
    const chosen = readInput(name, options)
    // Which job is resumed is not known before the database is open.
    const files = chosen
      ? [...chosen.job.needs, ...(chosen.job.uses ?? [])].includes('MINIO_ENDPOINT')
      : options.resume !== undefined
    opened = await open({ name: 'job', logLevel: 'warn', upstreams: true, files })
    if (options.resume) {
      const resume = await findWhatToResume(opened, options.resume, chosen?.job)
      return await runJob(opened, undefined, { ...options, resume })
    }
    if (!chosen) return await listJobs(opened)
    refuseWithoutSettings(chosen.job, opened)
    if (options.dryRun) return printPlan(await chosen.job.plan(opened, chosen.params))
    return await runJob(opened, chosen, options)
  } catch (error) {
    return reportError(error, opened?.settings.hide)
  } finally {
    await opened?.close()
  }
}

/** Checks name and parameters before anything is opened. @throws Fault `params`. */
function readInput(name: string | undefined, options: JobOptions) {
  const { params, full, resume, dryRun } = options
  const ofOneRun = Object.entries({
    '--params': params,
    '--full': full,
    '--new': options.new,
    '--dry-run': dryRun,
  })
    .filter(([, value]) => value !== undefined)
    .map(([option]) => option)
  if (resume !== undefined && ofOneRun.length > 0)
    throw new Fault(
      'params',
      `--resume goes on with a job call as it was begun: not together with ${ofOneRun.join(', ')}`,
    )
  if (name === undefined) {
    if (ofOneRun.length === 0) return undefined
    throw new Fault('params', `${ofOneRun.join(', ')}: of which job?`, {
      hint: 'npm run job lists them',
    })
  }
  const job = findJob(catalog, name)
  const given = { ...parseJson(params ?? '{}'), ...(full && { full: true }) }
  return { job, given, params: parseParams(job, given) }
}

/** The whole id of the call to resume. @throws Fault where there is none, or it is of another job than the one named. */
async function findWhatToResume(
  opened: Opened,
  id: string,
  named: Job | undefined,
): Promise<string> {
  const call = await findJobCall(opened.db, id)
  if (named && named.name !== call.job)
    throw new Fault('params', `job call ${call.id} is of ${call.job}, not of ${named.name}`)
  refuseWithoutSettings(findJob(catalog, call.job), opened)
  return call.id
}

function refuseWithoutSettings(job: Job, { settings }: Opened): void {
  const missing = missingSettings(job, settings)
  if (missing.length > 0)
    throw new Fault('settings', `${job.name} needs ${missing.join(', ')}: not set`)
}

function parseJson(text: string): object {
  try {
    const value: unknown = JSON.parse(text)
    if (isObject(value)) return value
  } catch {
    // Said below, with what was expected.
  }
  throw new Fault('params', `--params: a JSON object was expected, not ${oneLine(text, 200)}`, {
    hint: `for example --params '{"companyIds":[7200003]}'`,
  })
}

function seconds(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (Number.isFinite(value) && value >= 0) return value
  throw new InvalidArgumentError('Seconds were expected.')
}
