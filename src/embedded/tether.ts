import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { Account } from './account.ts'
import { exitCodeOf } from './exit-code.ts'
import { openLog } from './service-log.ts'

// Ends the program when we end, however we end: the kernel then closes our side of the pipe that
// the shell reads. A shell, since it is on every machine and weighs 1 MB; handed over as text, since
// the account that runs it may be unable to read the checkout.
// The signal is repeated, because one that comes before the program has set its handlers is lost.
// The folder is removed only if we are gone: the reader's exit status tells who ended it.
const tether = `
exec 3<&0 </dev/null
signal=$1 folder=$2
shift 2
"$@" 3<&- &
program=$!
(
  read -r _ <&3
  trap 'kill "$nap"; wait "$nap"; exit 0' TERM
  while kill -s "$signal" "$program"; do
    sleep 1 &
    nap=$!
    wait "$nap"
  done
) >/dev/null 2>&1 &
reader=$!
exec 3<&- 2>/dev/null
wait "$program"
status=$?
kill "$reader"
if wait "$reader" && [ -n "$folder" ]; then rm -rf "$folder"; fi
exit "$status"
`

export interface TetherOptions {
  /** What ends the program in an orderly way. */
  stopSignal: 'INT' | 'TERM'
  /** The file that its errors go to, and its output unless `pipeOutput`. */
  log: string
  /** Default: the account that we run as. */
  account?: Account | undefined
  env?: NodeJS.ProcessEnv
  /** Default: `/`. */
  cwd?: string
  /** Hands the standard output to the caller. Default: false. */
  pipeOutput?: boolean
  /** A folder to remove if this process is killed. Default: none. */
  folderToRemove?: string | undefined
}

/** A program that cannot outlive this process. */
export interface Tethered {
  output: Readable | undefined
  /** Settles when the program has ended, with its exit code; never rejects. */
  exited: Promise<number>
  hasExited: () => boolean
  /** Lets this process end, and the program with it, when nothing else keeps it alive. */
  unref: () => void
  /** Ends it in an orderly way, by force after `graceMs` (default: 5000). */
  stop(graceMs?: number): Promise<void>
}

/**
 * Starts a program that ends with this process, also when that is killed. It is in a session of its
 * own, so that Ctrl-C in a terminal reaches only us.
 */
export function spawnTethered(program: string, args: string[], options: TetherOptions): Tethered {
  const log = openLog(options.log)
  const child = spawn(
    '/bin/sh',
    ['-c', tether, 'sh', options.stopSignal, options.folderToRemove ?? '', program, ...args],
    {
      ...options.account,
      cwd: options.cwd ?? '/',
      detached: true,
      env: options.env ?? { PATH: process.env['PATH'], LC_ALL: 'C' },
      stdio: ['pipe', options.pipeOutput ? 'pipe' : log, log],
    },
  )
  closeSync(log)
  // A program that ended by itself closes the pipe: nothing to report, `exited` says it.
  child.stdin?.on('error', () => {})
  let isOver = false
  const exited = exitCodeOf(child).finally(() => {
    isOver = true
  })
  return {
    output: child.stdout ?? undefined,
    exited,
    hasExited: () => isOver,
    unref: () => {
      child.unref()
      if (child.stdin instanceof Socket) child.stdin.unref()
    },
    stop: (graceMs = 5000) => stopTethered(child, exited, graceMs),
  }
}

async function stopTethered(
  child: ChildProcess,
  exited: Promise<number>,
  graceMs: number,
): Promise<void> {
  child.ref()
  child.stdin?.end()
  const patience = new AbortController()
  const isOver = exited.then(() => patience.abort())
  await Promise.race([isOver, delay(graceMs, undefined, patience).catch(() => {})])
  if (!patience.signal.aborted && child.pid) process.kill(-child.pid, 'SIGKILL')
  await isOver
}
