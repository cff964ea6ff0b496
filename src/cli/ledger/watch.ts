import { setTimeout } from 'node:timers/promises'
import type { Db } from '../../db/connect.ts'
import { isDatabaseAway } from '../../db/lost-connection.ts'
import { oneLine } from '../format.ts'
import { onStopSignals } from '../stop-signals.ts'
import { frameOf, plainLines } from './watch-frame.ts'
import { type Reading, readWhatIsLive } from './watch-reading.ts'

export interface WatchOptions {
  /** Seconds between two looks. Default: 1 on a terminal, else 5. */
  every?: number
}

/** Rates are taken over this many looks, so that they do not jump with each page. */
const rateOver = 5
/** Streams looked at, where no screen says how many there is room for. */
const mostStreams = 200

/**
 * Shows what is under way until Ctrl-C: redrawn in place on a terminal, plain lines elsewhere. While the database is away it says so, and
 * goes on when that is back.
 */
export async function watch(
  db: Db,
  { every }: WatchOptions,
  out: NodeJS.WriteStream = process.stdout,
): Promise<void> {
  const stop = new AbortController()
  const end = () => stop.abort()
  const letGo = onStopSignals(end)
  // Whoever reads us has gone (`| head`).
  out.on('error', end)
  const screen = out.isTTY ? drawing(out) : printing(out)
  const everyMs = (every ?? (out.isTTY ? 1 : 5)) * 1000
  const readings: Reading[] = []
  // A database that just hangs holds nobody up.
  const stopped = new Promise<undefined>((resolve) => {
    stop.signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
  try {
    while (!stop.signal.aborted) {
      try {
        const rows = out.isTTY ? Math.max(5, out.rows || 24) : mostStreams
        const reading = await Promise.race([readWhatIsLive(db, rows), stopped])
        if (!reading) break
        readings.push(reading)
        screen.show(reading, readings[0] === reading ? undefined : readings[0])
        if (readings.length > rateOver) readings.shift()
      } catch (error) {
        if (!isDatabaseAway(error)) throw error
        readings.length = 0
        screen.away(oneLine(error instanceof Error ? error.message : String(error), 100))
      }
      await setTimeout(everyMs, undefined, { signal: stop.signal }).catch(() => {})
    }
  } finally {
    screen.close()
    out.off('error', end)
    letGo()
  }
}

interface Screen {
  show(now: Reading, before: Reading | undefined): void
  /** The database does not answer. */
  away(reason: string): void
  close(): void
}

const isAway = (reason: string) => `the database is away, tried again: ${reason}`

/** A screen of its own, that gives the terminal back as it was, with the last look below. */
function drawing(out: NodeJS.WriteStream): Screen {
  let last: string[] = []
  const draw = (lines: readonly string[]) => {
    const width = out.columns || 80
    const shown = lines.slice(0, Math.max(1, (out.rows || 24) - 1)).map((line) => fit(line, width))
    out.write(`\u001b[H${shown.map((line) => `${line}\u001b[K\r\n`).join('')}\u001b[J`)
  }
  out.write('\u001b[?1049h\u001b[?25l')
  return {
    show(now, before) {
      last = frameOf(now, before)
      draw(last)
    },
    away: (reason) => draw([isAway(reason), '', ...last]),
    close: () => out.write(`\u001b[?25h\u001b[?1049l${last.join('\n')}\n`),
  }
}

const fit = (line: string, width: number) =>
  line.length > width ? `${line.slice(0, width - 1)}…` : line

/** A line a call at each look, and one when the database goes and when it comes back. */
function printing(out: NodeJS.WriteStream): Screen {
  let wasAway = false
  let last = ''
  const print = (lines: readonly string[]) => out.write(lines.map((line) => `${line}\n`).join(''))
  return {
    show(now, before) {
      if (wasAway) print(['the database is back'])
      wasAway = false
      // Nothing, said once.
      const said = now.calls.length === 0 ? 'nothing' : ''
      if (said === '' || last !== said) print(plainLines(now, before))
      last = said
    },
    away(reason) {
      if (!wasAway) print([isAway(reason)])
      wasAway = true
    },
    close() {},
  }
}
