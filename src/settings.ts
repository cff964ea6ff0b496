import { z } from 'zod'
import { Fault } from './errors.ts'
import { hideSecretsOf } from './secrets.ts'

const environment = z.object({
  NODE_ENV: z.string().optional(),
  DATABASE_URL: z
    .string()
    .trim()
    .refine(isDatabaseUrl, {
      error:
        'must look like postgres://user:password@host:5432/name, with what is special in the password percent-encoded (@ is %40, / is %2F, # is %23, ? is %3F, % is %25)',
    })
    .optional(),
  AMOCRM_BASE_URL: baseUrl().optional(),
  AMOCRM_ACCESS_TOKEN: token().optional(),
  AMOCRM_REQUESTS_PER_SECOND: wholeNumber(1, 1_000_000, 7),
  APOLLO_BASE_URL: baseUrl().optional(),
  APOLLO_API_KEY: token().optional(),
  APOLLO_REQUESTS_PER_MINUTE: optionalNumber(1, 1_000_000),
  APOLLO_REQUESTS_PER_HOUR: optionalNumber(1, 10_000_000),
  APOLLO_REQUESTS_PER_DAY: optionalNumber(1, 100_000_000),
  APOLLO_CREDITS_PER_MONTH: optionalNumber(0, 100_000_000),
  /** The crawler API, or the official Graph API. */
  INSTAGRAM_ROUTE: oneOf(['crawler', 'graph']).default('crawler'),
  INSTAGRAM_BASE_URL: baseUrl().optional(),
  INSTAGRAM_ACCESS_KEY: token().optional(),
  INSTAGRAM_REQUESTS_PER_SECOND: wholeNumber(1, 1_000_000, 15),
  /** What the image service speaks: the contract of docs/analysis.md, or the predictions API of Replicate. */
  VISION_API: oneOf(['neutral', 'replicate']).default('neutral'),
  VISION_BASE_URL: baseUrl().optional(),
  VISION_API_KEY: token().optional(),
  /** The version of a model that Replicate runs. */
  VISION_MODEL: z
    .string()
    .trim()
    .regex(/^[\w./:-]+$/, { error: 'must be the version of a model: letters and digits' })
    .optional(),
  VISION_REQUESTS_PER_SECOND: wholeNumber(1, 1_000_000, 10),
  TEXT_ML_BASE_URL: baseUrl().optional(),
  TEXT_ML_API_KEY: token().optional(),
  TEXT_ML_REQUESTS_PER_SECOND: wholeNumber(1, 1_000_000, 10),
  MINIO_ENDPOINT: storageUrl().optional(),
  MINIO_ACCESS_KEY: token().optional(),
  MINIO_SECRET_KEY: token().optional(),
  MINIO_BUCKET: z
    .string()
    .trim()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, {
      error: 'must be 3 to 63 small letters, digits, dots and dashes',
    })
    .default('nightledger'),
  MINIO_REGION: z.string().trim().default('us-east-1'),
  /** What presigned addresses name. Default: MINIO_ENDPOINT. */
  MINIO_PUBLIC_ENDPOINT: storageUrl().optional(),
  /** Seconds that the presigned address of a CSV is good for; a week at most (AWS Signature Version 4). */
  CSV_URL_TTL: wholeNumber(1, 604_800, 86_400),
  HTTP_HOST: z.string().trim().default('127.0.0.1'),
  HTTP_PORT: wholeNumber(0, 65_535, 3000),
  API_TOKEN: token().optional(),
  WORKER_CONCURRENCY: wholeNumber(1, 1000, 8),
  LEASE_SECONDS: wholeNumber(1, 3600, 20),
  LOG_LEVEL: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  /** Where incidents are posted, as JSON that Slack takes. The address is a secret: whoever has it may post. */
  ALERT_WEBHOOK_URL: webhookUrl().optional(),
  SANDBOX: z.stringbool({ error: 'must be 1 or 0' }).default(false),
  LOCAL_DIR: z.string().optional(),
  SCHEDULE_TIMEZONE: z
    .string()
    .trim()
    .refine(isTimezone, { error: 'must be the name of a time zone, such as Europe/Berlin or UTC' })
    .default('UTC'),
})

type Environment = z.infer<typeof environment>

/** What the process was told, checked once. Only the doors (`src/cli`, `src/main.ts`, `scripts`) read the environment. */
export interface Settings extends Environment {
  /** `SCHEDULE_<JOB>` by job name: `crm-contacts` -> its cron expression. */
  schedules: Record<string, string>
  /** Replaces each secret in a text: what is printed or kept passes through here. */
  hide: (text: string) => string
}

/**
 * Checks the environment. An empty variable counts as not set.
 * @throws Fault `settings` that names each variable that is wrong, never its value.
 */
export function parseSettings(env: NodeJS.ProcessEnv): Settings {
  const set = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''),
  )
  const parsed = environment.safeParse(set)
  if (!parsed.success) {
    const wrong = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
    throw new Fault('settings', wrong.join('; '), {
      hint: 'correct it in the environment or in .env',
    })
  }
  const schedules: Record<string, string> = {}
  for (const [name, value] of Object.entries(set)) {
    if (name.startsWith('SCHEDULE_') && name !== 'SCHEDULE_TIMEZONE' && value) {
      schedules[name.slice('SCHEDULE_'.length).toLowerCase().replaceAll('_', '-')] = value
    }
  }
  return { ...parsed.data, schedules, hide: hideSecretsOf(set) }
}

// Messages are ours throughout: zod's own may quote what they did not like.

function wholeNumber(least: number, most: number, fallback: number) {
  return numberBetween(least, most).default(fallback)
}

function optionalNumber(least: number, most: number) {
  return numberBetween(least, most).optional()
}

function numberBetween(least: number, most: number) {
  const error = `must be a whole number from ${least} to ${most}`
  return z
    .string()
    .trim()
    .regex(/^\d{1,9}$/, { error })
    .transform(Number)
    .refine((value) => value >= least && value <= most, { error })
}

function oneOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z
    .string()
    .trim()
    .toLowerCase()
    .pipe(z.enum(words, { error: `must be one of ${words.join(', ')}` }))
}

/** A secret that goes into a header: what HTTP refuses there would fail at the first request, and be quoted. */
function token() {
  return z
    .string()
    .trim()
    .regex(/^[\x21-\x7e]+$/, {
      error: 'must be the token alone: no spaces, no "Bearer" before it, ASCII only',
    })
}

/** What stands before the path in an API's documentation. */
function baseUrl() {
  return z
    .string()
    .trim()
    .refine(isBaseUrl, {
      error:
        'must be an http or https URL without user, query or fragment, such as https://api.example.com',
    })
    .transform((url) => url.replace(/\/+$/, ''))
}

function webhookUrl() {
  return z.string().trim().refine(isWebhookUrl, {
    error: 'must be an http or https URL without user and fragment',
  })
}

/** Signatures name host and path: the storage can't stand under a path. */
function storageUrl() {
  return baseUrl().refine((url) => URL.parse(url)?.pathname === '/', {
    error: 'must be an address without a path, such as https://minio.example.com:9000',
  })
}

function isBaseUrl(text: string): boolean {
  const url = URL.parse(text)
  return (
    /^https?:$/.test(url?.protocol ?? '') && !url?.username && !url?.password && !/[?#]/.test(text)
  )
}

function isWebhookUrl(text: string): boolean {
  const url = URL.parse(text)
  return /^https?:$/.test(url?.protocol ?? '') && !url?.username && !url?.password && !url?.hash
}

/** A password that is not encoded can still make a URL, of another meaning: the rest of it would be taken for the host or the name. */
function isDatabaseUrl(text: string): boolean {
  const url = URL.parse(text)
  if (!url || !/^postgres(ql)?:$/.test(url.protocol) || text.includes('#')) return false
  if (`${url.pathname}${url.search}`.includes('@')) return false
  try {
    return [url.username, url.password, url.pathname].map(decodeURIComponent).length > 0
  } catch {
    return false
  }
}

function isTimezone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: name }))
  } catch {
    return false
  }
}
