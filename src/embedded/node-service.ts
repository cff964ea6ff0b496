import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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
 * It keeps its port for as long as it can have it, over starts too: the ledger knows an account by its
 * address, and at another one everything would be read from the beginning.
 *
 * @param log the file for its errors; its port is kept beside it
 * @param args further arguments
 */
export function nodeService(
  name: string,
  program: string,
  log: string,
  args: readonly string[] = [],
): Service {
  const portFile = `${log}.port`
  return {
    name,
    start: async () => {
      const port = rememberedPort(portFile)
      const from = logEnd(log)
      if (!existsSync(program)) throw startFailure(name, `The program ${program} is not there.`)
      const running = spawnTethered(process.execPath, [program, '--port', port, ...args], {
        stopSignal: 'TERM',
        log,
        env: process.env,
        pipeOutput: true,
      })
      try {
        const url = await announcedUrl(running.output, running.exited)
        writeFileSync(portFile, new URL(url).port)
        return { url, exited: running.exited, stop: () => running.stop(3000) }
      } catch (error) {
        await running.stop(0)
        if (port !== '0') {
          // Somebody else may have it now.
          rmSync(portFile, { force: true })
          return await nodeService(name, program, log, args).start()
        }
        const reason = `The ${name} did not start: ${messageOf(error)}; ${logTail(log, from)}`
        throw startFailure(name, reason, 'Set DATABASE_URL and the settings of the real upstreams.')
      }
    },
  }
}

function rememberedPort(file: string): string {
  if (!existsSync(file)) return '0'
  const port = readFileSync(file, 'utf8').trim()
  return /^\d{1,5}$/.test(port) ? port : '0'
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
