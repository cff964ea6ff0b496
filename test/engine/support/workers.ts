import { type Program, startProgram } from '../../support/program.ts'
import { until } from '../../support/until.ts'

export const startWorkerProcess = (env: Record<string, string>): Program =>
  startProgram('src/main.ts', ['--only', 'worker'], env)

/** Waits until a server process says that it is ready; with `LOG_LEVEL` info. */
export const untilReady = (program: Program) =>
  until('a server process is ready', () => program.output().includes('"ready"'))

/** The process that holds a lease, by the name that it has in the ledger: `host:pid:random`. */
export function holderOf(programs: readonly Program[], worker: string | null): Program | undefined {
  const pid = Number(worker?.split(':').at(-2))
  return programs.find(({ child }) => child.pid === pid)
}

export async function killHard(program: Program): Promise<void> {
  program.child.kill('SIGKILL')
  await program.exited
}

/** SIGTERM, and how it ended: exit code and time. */
export async function stopGently(program: Program) {
  const begun = performance.now()
  program.child.kill('SIGTERM')
  const code = await program.exited
  return { code, ms: performance.now() - begun, output: program.output() }
}
