import { Command } from 'commander'
import { benchAnalysis } from './analysis.ts'
import { benchCrm } from './crm.ts'
import { benchInstagram } from './instagram.ts'

const program = new Command()
  .name('npm run bench --')
  .description('Benchmarks beside their baselines, each on servers of its own')

program
  .command('crm')
  .description("contacts of 50 companies and of all: the seed's way and ours, on the same server")
  .option('--json', 'figures for programs')
  .option('--companies <number>', 'how many companies are asked for', Number, 50)
  .action(benchCrm)

program
  .command('instagram')
  .description(
    'one profile with very many posts and comments: beside fetching alone and COPY alone',
  )
  .option('--json', 'figures for programs')
  .option('--posts <number>', 'its posts', Number, 100_000)
  .option('--comments <number>', 'its comments, over all posts', Number, 1_000_000)
  .action(benchInstagram)

program
  .command('analysis')
  .description(
    'texts that a service answers after one second to two minutes, its poller killed and away',
  )
  .option('--json', 'figures for programs')
  .option('--items <number>', 'texts', Number, 10_000)
  .option('--down <seconds>', 'how long there is no poller', Number, 300)
  .action(benchAnalysis)

await program.parseAsync()
