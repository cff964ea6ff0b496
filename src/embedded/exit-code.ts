import type { ChildProcess } from 'node:child_process'

/** The exit code of a child once it has ended: -1 where a signal ended it, or it never started. */
export function exitCodeOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once('exit', (code) => resolve(code ?? -1))
    child.once('error', () => resolve(-1))
  })
}
