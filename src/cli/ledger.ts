import { Argument, Command, Option } from 'commander'
import type { Service } from '../db/service-calls.ts'
import { type Kind, kinds } from '../erase/find-person.ts'
import { open, type Opened } from '../open.ts'
import { inputErrors, wholeNumber } from './arguments.ts'
import { exitCode, reportError } from './exit.ts'
import { cancelAndTell } from './ledger/cancel.ts'
import { printErasure } from './ledger/erase.ts'
import { findJobCall } from './ledger/find-job-call.ts'
import { printFreshness } from './ledger/freshness.ts'
import { printOpenStreams } from './ledger/open-streams.ts'
import { resumeAndTell } from './ledger/resume.ts'
import { printRuns, type RunsOptions, statuses } from './ledger/runs.ts'
import { printCall } from './ledger/show.ts'
import { printQuery, type SqlOptions } from './ledger/sql.ts'
import { services, unblockAndTell } from './ledger/unblock.ts'
import { printUsage } from './ledger/usage.ts'
import { watch, type WatchOptions } from './ledger/watch.ts'

const program = inputErrors(new Command())
  .name('npm run ledger --')
  .description('The ledger for people: what ran, how far it got, what it cost.')
  .addHelpText(
    'after',
    '\nExit codes: 0 done, 1 failed, 2 wrong input. Queries to start from: docs/ledger.md',
  )

view('runs', 'job calls, newest first, one line each')
  .option('--limit <lines>', 'how many at most', wholeNumber(1, 10_000), 20)
  .option('--job <name>', 'just those of this job')
  .addOption(new Option('--status <status>', 'just those with this status').choices(statuses))
  .option('--children', 'also calls that other calls made (with --job always)')
  .action((options: RunsOptions) => run(({ db }) => printRuns(db, options)))

onCall(
  'show',
  'one job call: its streams and where they go on, its children, error, rejects',
).action((id: string) => run(async ({ db }) => printCall(db, await findJobCall(db, id))))

view('open', 'the streams that are not at their end, and where they go on').action(() =>
  run(({ db }) => printOpenStreams(db)),
)

view('watch', 'what is under way, live: job calls and their streams, until Ctrl-C')
  .option(
    '--every <seconds>',
    'between two looks (default: 1, or 5 without a terminal)',
    wholeNumber(1, 3600),
  )
  .action((options: WatchOptions) => run(({ db }) => watch(db, options)))

view('freshness', "each job's last success, and up to when its data reach").action(() =>
  run(({ db }) => printFreshness(db)),
)

view('usage', 'what each service was asked for, per hour, and which are blocked')
  .option('--hours <hours>', 'how far back', wholeNumber(1, 10_000), 24)
  .action(({ hours }: { hours: number }) => run(({ db }) => printUsage(db, hours)))

onCall('cancel', 'cancels a job call and all under it').action((id: string) =>
  run(async ({ db }) => cancelAndTell(db, await findJobCall(db, id))),
)

onCall('resume', 'queues a job call again that failed, was cancelled or was left behind').action(
  (id: string) =>
    run(async ({ db, settings }) =>
      resumeAndTell(db, await findJobCall(db, id), settings.LEASE_SECONDS),
    ),
)

view('unblock', 'lets a service be called again that shut us out')
  .addArgument(new Argument('<service>', 'the service').choices(services))
  .action((service: Service) => run(({ db }) => unblockAndTell(db, service)))

view('erase', 'takes a person out of tables, rejects, ledger and files, and keeps them out')
  .addArgument(new Argument('<kind>', 'what they are').choices(kinds))
  .argument('<id>', 'their id in amoCRM, Instagram or Apollo; of a profile also its username')
  .option('--dry-run', 'say what that would take out, and change nothing')
  .action((kind: Kind, id: string, options: { dryRun?: true }) =>
    run((opened) => printErasure(opened, kind, id, options), { files: kind === 'lead' }),
  )

view('sql', 'runs one statement that reads, in a read-only transaction with a time limit')
  .argument('<statement>', 'such as "select * from ledger.stuck"')
  .option('--json', 'a JSON object a row; values are whole, where the table cuts long ones')
  .option('--limit <rows>', 'how many rows at most', wholeNumber(1, 100_000), 1000)
  .option('--timeout <seconds>', 'how long it may take', wholeNumber(1, 3600), 30)
  .action((statement: string, options: SqlOptions) =>
    run(({ pool }) => printQuery(pool, statement, options)),
  )

await program.parseAsync()

function view(name: string, description: string): Command {
  return inputErrors(program.command(name)).description(description)
}

function onCall(name: string, description: string): Command {
  return view(name, description).argument(
    '<id>',
    'of the job call, or the beginning of its id where no other begins so',
  )
}

async function run(
  work: (opened: Opened) => Promise<void>,
  options: { files?: boolean } = {},
): Promise<void> {
  let opened: Opened | undefined
  try {
    opened = await open({ name: 'ledger', logLevel: 'warn', ...options })
    await work(opened)
    process.exitCode = exitCode.succeeded
  } catch (error) {
    process.exitCode = reportError(error, opened?.settings.hide)
  } finally {
    await opened?.close()
  }
}
