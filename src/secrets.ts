import { hideSecrets } from './log.ts'

/** Variables whose whole value is secret. */
const secretVariables = [
  'AMOCRM_ACCESS_TOKEN',
  'APOLLO_API_KEY',
  'INSTAGRAM_ACCESS_KEY',
  'VISION_API_KEY',
  'TEXT_ML_API_KEY',
  'MINIO_SECRET_KEY',
  'API_TOKEN',
  'ALERT_WEBHOOK_URL',
  'OTEL_EXPORTER_OTLP_HEADERS',
  'OTEL_EXPORTER_OTLP_TRACES_HEADERS',
  'PGPASSWORD',
] as const

/**
 * A function that takes the secrets of this environment out of a text. It works on what was given, not on what was
 * made of it: an error may quote a setting because that could not be read.
 */
export function hideSecretsOf(env: NodeJS.ProcessEnv): (text: string) => string {
  const secrets = secretVariables.flatMap((name) => [env[name], env[name]?.trim()])
  return hideSecrets(
    [
      ...secrets,
      ...passwordsIn(env['DATABASE_URL']?.trim() ?? ''),
      pathOf(env['ALERT_WEBHOOK_URL']?.trim() ?? ''),
      ...headerValues(env['OTEL_EXPORTER_OTLP_HEADERS'] ?? ''),
      ...headerValues(env['OTEL_EXPORTER_OTLP_TRACES_HEADERS'] ?? ''),
    ].filter((secret) => secret !== undefined),
  )
}

/** The address whole, and its password as it stands there and decoded. */
function passwordsIn(address: string): string[] {
  const rest = address.replace(/^[a-z]*:?\/\//i, '')
  const user = rest.slice(0, Math.max(0, rest.lastIndexOf('@')))
  const password = user.includes(':') ? user.slice(user.indexOf(':') + 1) : ''
  const query = new URLSearchParams(rest.split('?').slice(1).join('?'))
  return [address, password, decoded(password), query.get('password') ?? '']
}

/** Of `api-key=abc,tenant=x`: `abc` and `x`, as they stand there and decoded. */
function headerValues(headers: string): string[] {
  return headers.split(',').flatMap((pair) => {
    const value = pair.slice(pair.indexOf('=') + 1).trim()
    // A short one is no key: a word such as `main` would be hidden in every log.
    return value.length >= 8 ? [value, decoded(value)] : []
  })
}

/** What of a webhook's address must not be known. */
function pathOf(address: string): string | undefined {
  const url = URL.parse(address)
  return url && url.pathname.length >= 8 ? `${url.pathname}${url.search}` : undefined
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
