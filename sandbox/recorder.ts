import type { ServerResponse } from 'node:http'
import { performance } from 'node:perf_hooks'
import type { Answer } from './http/answer.ts'
import { createRequestLog, type LogEntry, readableQuery, type RequestLog } from './request-log.ts'
import { createStats, endpointOf, type StatsKeeper } from './request-stats.ts'

export type Recorder = {
  log: RequestLog
  stats: StatsKeeper
  begin(seen: Seen): {
    /** What the body says, once it is here. */
    note(body: { ids: number; detail: string }): void
    end(answer: Answer, response: ServerResponse): void
  }
  clear(): void
}

/** What is kept of a request: never its headers, so no token can get into the log. */
type Seen = {
  upstream: string
  method: string
  path: string
  search: string
  arrivedMs: number
}

/** Writes down every request to an upstream, when it comes and how it ended. */
export function createRecorder(names: readonly string[]): Recorder {
  const log = createRequestLog()
  const stats = createStats(names)
  let n = 0
  let inFlight = 0
  return {
    log,
    stats,
    clear() {
      log.clear()
      stats.clear()
    },
    begin({ upstream, method, path, search, arrivedMs }) {
      inFlight++
      const entry: LogEntry = {
        n: ++n,
        upstream,
        at: Math.round(arrivedMs * 1000) / 1000,
        time: new Date().toISOString(),
        method,
        path: path.slice(0, 500),
        query: readableQuery(search),
        detail: '',
        ids: 0,
        inFlight,
        status: null,
        ms: null,
        rows: 0,
      }
      log.add(entry)
      stats.arrived(upstream, entry.at, entry.time, inFlight)
      return {
        note({ ids, detail }) {
          entry.ids = ids
          entry.detail = detail.slice(0, 300)
        },
        end(answer, response) {
          inFlight--
          entry.status = statusSeen(answer, response)
          entry.ms = Math.round((performance.now() - arrivedMs) * 1000) / 1000
          entry.rows = answer.rows ?? 0
          stats.answered(upstream, endpointOf(method, path), entry.status)
        },
      }
    },
  }
}

/** nginx's 499 for a client that left before its answer; 0 where a fault gave none. */
function statusSeen(answer: Answer, response: ServerResponse): number {
  if (answer.status === 0) return 0
  return response.headersSent ? answer.status : 499
}
