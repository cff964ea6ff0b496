import { type Command, InvalidArgumentError } from 'commander'
import { exitCode } from './exit.ts'

/** Wrong options and arguments end with one clear line and the exit code for wrong input. */
export function inputErrors(command: Command): Command {
  return command
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, '')) })
    .exitOverride((error) =>
      process.exit(error.exitCode === 0 ? exitCode.succeeded : exitCode.wrongInput),
    )
}

/** Reads a whole number between two bounds. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (value >= least && value <= most) return value
    throw new InvalidArgumentError(`A whole number from ${least} to ${most} was expected.`)
  }
}
