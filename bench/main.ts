import { Command } from 'commander'
import { benchCrm } from './crm.ts'

const program = new Command()
  .name('npm run bench --')
  .description('Benchmarks beside their baselines, each on servers of its own')

program
  .command('crm')
  .description("contacts of 50 companies and of all: the seed's way and ours, on the same server")
  .option('--json', 'figures for programs')
  .option('--companies <number>', 'how many companies are asked for', Number, 50)
  .action(benchCrm)

await program.parseAsync()
