import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { Command, InvalidArgumentError } from 'commander'
import { visionDefaults } from './analysis/options.ts'
import { defaultOptions } from './amocrm/options.ts'
import { defaultOptions as apolloDefaults } from './apollo/options.ts'
import { defaultOptions as instagramDefaults } from './instagram/options.ts'
import { type Sandbox, startSandbox } from './server.ts'

type Flags = {
  port: number
  host: string
  companies: number
  contacts: number
  seed: number
  latencyMs: number
  perSecond: number
  accountPerSecond: number
  filters: boolean
  token: string
  apolloPeople: number
  apolloLatencyMs: number
  apolloKey: string
  profiles: number
  giant: true | { posts: number; comments: number } | undefined
  instagramLatencyMs: number
  instagramPerSecond: number
  instagramKey: string
  analysisSeconds: { min: number; max: number }
  analysisKey: string
  dataDir: string | undefined
}

// Else the space for young objects doubles and doubles, to no use: with 25,000 contacts the process
// takes 138 MB instead of 215. The price is 3.0 ms of CPU for a page of 250 instead of 2.3.
setFlagsFromString('--semi-space-growth-factor=1')
setFlagsFromString('--optimize-for-size')

const command = new Command('sandbox')

command
  .description('Simulated upstreams: seeded, strict, with faults on demand (POST /_sandbox/…).')
  .option('--port <number>', 'port; 0 = a free one; also SANDBOX_PORT', whole, portOfEnv())
  .option('--host <address>', 'address to listen on', '127.0.0.1')
  .option('--companies <number>', 'companies in amoCRM', whole, defaultOptions.companies)
  .option('--contacts <number>', 'contacts in amoCRM', whole, defaultOptions.contacts)
  .option('--seed <number>', 'the same seed makes the same world', whole, defaultOptions.seed)
  .option('--latency-ms <ms>', 'from request to answer', whole, defaultOptions.latencyMs)
  .option('--per-second <number>', 'requests amoCRM admits', whole, defaultOptions.perSecond)
  .option(
    '--account-per-second <number>',
    'over all integrations',
    whole,
    defaultOptions.accountPerSecond,
  )
  .option('--no-filters', 'amoCRM ignores filters, as on accounts without them')
  .option('--token <token>', 'the token that amoCRM accepts', defaultOptions.token)
  .option('--apollo-people <number>', 'people in Apollo', whole, apolloDefaults.people)
  .option('--apollo-latency-ms <ms>', 'of Apollo', whole, apolloDefaults.latencyMs)
  .option('--apollo-key <key>', 'the key that Apollo accepts', apolloDefaults.key)
  .option('--profiles <number>', 'profiles in Instagram', whole, instagramDefaults.profiles)
  .option(
    '--giant [posts,comments]',
    'the first profile has so many posts and comments; without numbers 100000,1000000',
    twoNumbers,
  )
  .option('--instagram-latency-ms <ms>', 'of Instagram', whole, instagramDefaults.latencyMs)
  .option(
    '--instagram-per-second <number>',
    'requests its crawler API admits',
    whole,
    instagramDefaults.perSecond,
  )
  .option(
    '--instagram-key <key>',
    'the key that its crawler API accepts',
    instagramDefaults.accessKey,
  )
  .option(
    '--analysis-seconds <min,max>',
    'that pictures and texts take to be analysed, also by Replicate',
    minAndMax,
    { min: visionDefaults.minSeconds, max: visionDefaults.maxSeconds },
  )
  .option('--analysis-key <key>', 'the key that these services accept', visionDefaults.key)
  .option('--data-dir <path>', 'where jobs of /vision and /text-ml outlive the process')

const flags = command.parse().opts<Flags>()

const { min: minSeconds, max: maxSeconds } = flags.analysisSeconds
const fileIn = (name: string) => (flags.dataDir === undefined ? null : join(flags.dataDir, name))
const analysis = { seed: flags.seed, minSeconds, maxSeconds }

try {
  const sandbox = await startSandbox({
    port: flags.port,
    host: flags.host,
    amocrm: {
      companies: flags.companies,
      contacts: flags.contacts,
      seed: flags.seed,
      latencyMs: flags.latencyMs,
      perSecond: flags.perSecond,
      accountPerSecond: flags.accountPerSecond,
      filtersEnabled: flags.filters,
      token: flags.token,
    },
    apollo: {
      people: flags.apolloPeople,
      seed: flags.seed,
      latencyMs: flags.apolloLatencyMs,
      key: flags.apolloKey,
    },
    instagram: {
      profiles: flags.profiles,
      giant: flags.giant === true ? { posts: 100_000, comments: 1_000_000 } : (flags.giant ?? null),
      seed: flags.seed,
      latencyMs: flags.instagramLatencyMs,
      perSecond: flags.instagramPerSecond,
      accessKey: flags.instagramKey,
    },
    vision: { ...analysis, key: flags.analysisKey, file: fileIn('vision.ndjson') },
    textMl: { ...analysis, key: flags.analysisKey, file: fileIn('text-ml.ndjson') },
    replicate: { ...analysis, token: flags.analysisKey },
  })
  announce(sandbox)
  closeOnSignal(sandbox)
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error)
  console.error(`The sandbox could not start: ${reason}`)
  process.exitCode = 1
}

function announce({ url, upstreams }: Sandbox) {
  // First and alone on its line: whoever starts the sandbox as a process reads it.
  console.log(JSON.stringify({ listening: url }))
  for (const { serves } of upstreams) console.log(serves)
  console.log(`What it was asked: ${url}/`)
}

function closeOnSignal(sandbox: Sandbox) {
  const close = () => {
    void sandbox.close()
  }
  process.once('SIGTERM', close)
  process.once('SIGINT', close)
}

function twoNumbers(text: string): { posts: number; comments: number } {
  const [, posts, comments] = /^(\d+),(\d+)$/.exec(text) ?? []
  if (!posts || !comments) throw new InvalidArgumentError('it takes two numbers: posts,comments')
  return { posts: Number(posts), comments: Number(comments) }
}

function minAndMax(text: string): { min: number; max: number } {
  const [, min, max] = /^(\d{1,6}),(\d{1,6})$/.exec(text) ?? []
  if (!min || !max) throw new InvalidArgumentError('it takes two numbers: min,max')
  return { min: Number(min), max: Number(max) }
}

function whole(value: string): number {
  if (!/^\d{1,10}$/.test(value)) throw new InvalidArgumentError('expected a whole number.')
  return Number(value)
}

function portOfEnv(): number {
  const value = process.env['SANDBOX_PORT'] ?? ''
  if (/^\d{1,5}$/.test(value)) return Number(value)
  if (value !== '') command.error(`error: SANDBOX_PORT must be a port number, not '${value}'`)
  return 4010
}
