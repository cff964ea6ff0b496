import { Fault } from '../errors.ts'
import { hideSecretsOf } from '../secrets.ts'

/** What commands end with. */
export const exitCode = { succeeded: 0, failed: 1, wrongInput: 2, interrupted: 130 } as const

/**
 * Prints one clear line (and what to do) for an error, and answers the exit code for it.
 * @param hide takes the secrets out. Default: those of the environment, for errors that come before the settings are read.
 */
export function reportError(error: unknown, hide = hideSecretsOf(process.env)): number {
  if (!(error instanceof Fault)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    process.stderr.write(`${hide(text)}\n`)
    return exitCode.failed
  }
  process.stderr.write(`${hide(error.message)}\n${error.hint ? `${hide(error.hint)}\n` : ''}`)
  return error.kind === 'params' ? exitCode.wrongInput : exitCode.failed
}
