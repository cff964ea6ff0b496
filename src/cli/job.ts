import { Command } from 'commander'
import { catalog, describeParams, findJob, missingSettings, parseParams } from '../jobs/catalog.ts'
import { Fault } from '../errors.ts'
import { open, type Opened } from '../open.ts'
import { exitCode, reportError } from './exit.ts'
import { listJobs } from './list-jobs.ts'
import { printPlan } from './print-plan.ts'
import { runJob } from './run-job.ts'

const program = new Command()
  .name('npm run job --')
  .description('Runs one job now, in this process, to its end. Without a name: lists the jobs.')
  .argument('[name]', 'the job')
  .option('--params <json>', 'its parameters as a JSON object', '{}')
  .option('--full', 'read everything again (the parameter "full")')
  .option('--new', 'start afresh, where an unfinished call would be taken up')
  .option('--resume <id>', 'take up this job call')
  .option('--dry-run', 'say which requests and credits it would take, as far as known')
  .option('--wait <seconds>', 'how long to wait for analyses that are out', seconds, 60)
  .addHelpText(
    'after',
    () =>
      `\nJobs:\n${catalog.map((job) => `  ${job.name} ${describeParams(job)}\n    ${job.title}`).join('\n')}\n\nExit codes: 0 succeeded, 1 failed, 2 wrong name or parameters, 130 interrupted`,
  )
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, '')) })
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : exitCode.wrongInput))

export interface JobOptions {
  params: string
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
    const chosen = name === undefined ? undefined : readInput(name, options)
    opened = await open({ name: 'job', logLevel: 'warn', upstreams: true })
    if (!chosen)
      return options.resume ? await runJob(opened, undefined, options) : await listJobs(opened)
    const missing = missingSettings(chosen.job, opened.settings)
    if (missing.length > 0)
      throw new Fault('settings', `${chosen.job.name} needs ${missing.join(', ')}: not set`)
    if (options.dryRun) return printPlan(await chosen.job.plan(opened, chosen.params))
    return await runJob(opened, chosen, options)
  } catch (error) {
    return reportError(error, opened?.settings.hide)
  } finally {
    await opened?.close()
  }
}

/** Checks name and parameters before anything is opened. @throws Fault `params`. */
function readInput(name: string, options: JobOptions) {
  const job = findJob(catalog, name)
  const given = { ...parseJson(options.params), ...(options.full && { full: true }) }
  return { job, given, params: parseParams(job, given) }
}

function parseJson(text: string): object {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // Said below, with what was expected.
  }
  throw new Fault('params', `--params: a JSON object was expected, not ${text.slice(0, 200)}`, {
    hint: `for example --params '{"companyIds":[7200003]}'`,
  })
}

function seconds(text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value >= 0) return value
  throw new Fault('params', `--wait: seconds were expected, not ${text}`)
}
