import { exitCode } from './exit.ts'

/**
 * Calls `stop` at the first SIGINT or SIGTERM, and ends the process at the second. Answers a function that lets go.
 */
export function onStopSignals(stop: (name: string) => void): () => void {
  let asked = false
  const listener = (name: NodeJS.Signals) => {
    if (asked) process.exit(exitCode.interrupted)
    asked = true
    stop(name === 'SIGINT' ? 'Ctrl-C' : name)
  }
  process.on('SIGINT', listener)
  process.on('SIGTERM', listener)
  return () => {
    process.off('SIGINT', listener)
    process.off('SIGTERM', listener)
  }
}
