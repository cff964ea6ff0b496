import { Command } from 'commander'
import { open } from '../open.ts'
import { exitCode, reportError } from './exit.ts'

new Command()
  .name('npm run migrate')
  .description('Brings the database up to date; safe from several machines at once.')
  .parse()

try {
  // Opening does it; what was applied, it has logged.
  const opened = await open({ name: 'migrate' })
  process.stdout.write('the database is up to date\n')
  await opened.close()
} catch (error) {
  process.exitCode = reportError(error)
}
process.exitCode ??= exitCode.succeeded
