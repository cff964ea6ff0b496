import { z } from 'zod'
import { Fault } from './errors.ts'
import { hideSecrets } from './log.ts'

const count = (fallback: number) => z.coerce.number().int().positive().default(fallback)
const baseUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
  .transform((url) => url.replace(/\/+$/, ''))
const secret = z.string().trim().min(1)

const environment = z.object({
  NODE_ENV: z.string().optional(),
  DATABASE_URL: z
    .url({
      protocol: /^postgres(ql)?$/,
      error: 'must look like postgres://user:password@host:5432/name',
    })
    .optional(),
  AMOCRM_BASE_URL: baseUrl.optional(),
  AMOCRM_ACCESS_TOKEN: secret.optional(),
  AMOCRM_REQUESTS_PER_SECOND: count(7),
  HTTP_HOST: z.string().default('127.0.0.1'),
  HTTP_PORT: z.coerce.number().int().min(0).max(65_535).default(3000),
  WORKER_CONCURRENCY: count(8),
  LEASE_SECONDS: z.coerce.number().min(1).max(3600).default(20),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  SANDBOX: z.stringbool().default(false),
  LOCAL_DIR: z.string().optional(),
  SCHEDULE_TIMEZONE: z.string().default('UTC'),
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
  const settings = parsed.data
  const schedules: Record<string, string> = {}
  for (const [name, value] of Object.entries(set)) {
    if (name.startsWith('SCHEDULE_') && name !== 'SCHEDULE_TIMEZONE' && value) {
      schedules[name.slice('SCHEDULE_'.length).toLowerCase().replaceAll('_', '-')] = value
    }
  }
  return { ...settings, schedules, hide: hideSecrets(secretsOf(settings)) }
}

function secretsOf(settings: Environment): string[] {
  const secrets = [settings.AMOCRM_ACCESS_TOKEN]
  if (settings.DATABASE_URL) {
    const { password } = new URL(settings.DATABASE_URL)
    secrets.push(password, decodeURIComponent(password))
  }
  return secrets.filter((value): value is string => Boolean(value))
}
