import { type Logger, pino } from 'pino'

export type { Logger }

/**
 * A pino logger on standard error (standard output belongs to what a command answers).
 * Whatever is logged, each line passes through `hide`, which takes the secrets out.
 */
export function createLog(level: string, hide: (text: string) => string = (text) => text): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: hide },
    },
    pino.destination({ dest: 2, sync: true }),
  )
}

/** A function that replaces each secret, as it is, URL-encoded or JSON-escaped, by `[hidden]`. */
export function hideSecrets(secrets: readonly string[]): (text: string) => string {
  const forms = new Set(
    secrets
      .filter((secret) => secret.length >= 4)
      .flatMap((secret) => [
        secret,
        encodeURIComponent(secret),
        JSON.stringify(secret).slice(1, -1),
        Buffer.from(secret).toString('base64'),
      ]),
  )
  // The longest first: a secret may hold another.
  const ordered = [...forms].toSorted((a, b) => b.length - a.length)
  return (text) => ordered.reduce((hidden, form) => hidden.replaceAll(form, '[hidden]'), text)
}
