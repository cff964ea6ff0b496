import { existsSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { z } from 'zod'
import { readLines } from './read-lines.ts'
import type { Service } from './service.ts'
import { logEnd, logTail } from './service-log.ts'
import { messageOf, startFailure } from './start-failure.ts'
import { spawnTethered } from './tether.ts'

const announceTimeoutMs = 30_000
const announcement = z.object({ listening: z.url() })

/**
 * A server that is a node program of its own: it takes `--port N` (0: any) and says where it
 * listens in the first line of its output, `{"listening":"http://127.0.0.1:PORT"}`.
 *
 * @param log the file for its errors
 */
export function nodeService(name: string, program: string, log: string): Service {
  let port = '0'
  return {
    name,
    start: async () => {
      const from = logEnd(log)
      if (!existsSync(program)) throw startFailure(name, `The program ${program} is not there.`)
      const running = spawnTethered(process.execPath, [program, '--port', port], {
        stopSignal: 'TERM',
        log,
        env: process.env,
        pipeOutput: true,
      })
      try {
        const url = await announcedUrl(running.output, running.exited)
        port = new URL(url).port
        return { url, exited: running.exited, stop: () => running.stop(3000) }
      } catch (error) {
        port = '0'
        await running.stop(0)
        const reason = `The ${name} did not start: ${messageOf(error)}; ${logTail(log, from)}`
        throw startFailure(name, reason, 'Set DATABASE_URL and the settings of the real upstreams.')
      }
    },
  }
}

// What it prints after its first line is nobody's, but read, so that it does not fill the pipe.
function announcedUrl(output: Readable | undefined, exited: Promise<number>): Promise<string> {
  return new Promise((resolve, reject) => {
    const patience = setTimeout(
      () => reject(new Error(`it said nothing within ${announceTimeoutMs / 1000} s`)),
      announceTimeoutMs,
    )
    exited
      .then((code) => reject(new Error(`it ended with code ${code}`)))
      .finally(() => clearTimeout(patience))
      .catch(reject)
    if (!output) return
    readLines(output, (line) => {
      clearTimeout(patience)
      const said = announcement.safeParse(parseJson(line))
      if (said.success) resolve(said.data.listening)
      else reject(new Error('its first line does not say where it listens'))
    })
  })
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
