import { spawn } from 'node:child_process'
import { closeSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openLog } from './service-log.ts'

const program = fileURLToPath(new URL('keeper.ts', import.meta.url))

// No more than the services need: the keeper outlives the command, whose settings may hold secrets.
const handedOn = /^(PATH|HOME|TMPDIR|LANG|LC_ALL|TZ|SANDBOX.*)$/

/** A keeper that was started and may or may not become the one in charge. */
export interface KeeperProcess {
  pid: number | undefined
  /** Its exit code once it has ended. */
  exitCode(): number | undefined
}

/** Starts a keeper for the folder, as a process that outlives this one and does not hold it up. */
export function spawnKeeper(localDir: string): KeeperProcess {
  const log = openLog(join(localDir, 'keeper.log'))
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', program, localDir],
    {
      cwd: localDir,
      detached: true,
      env: Object.fromEntries(Object.entries(process.env).filter(([name]) => handedOn.test(name))),
      stdio: ['ignore', log, log],
    },
  )
  closeSync(log)
  child.unref()
  let code: number | undefined
  child.once('exit', () => {
    code = child.exitCode ?? -1
  })
  child.once('error', () => {
    code = -1
  })
  return { pid: child.pid, exitCode: () => code }
}
