import { createSlidingWindow } from './sliding-window.ts'

export type UpstreamStats = {
  requests: number
  /** `GET /api/v4/contacts/{id}` -> status -> how many. */
  endpoints: Record<string, Record<string, number>>
  /** The most requests seen in any 1,000 ms, refused ones included. */
  mostInASecond: number
  mostInFlight: number
  tooMany429: number
  forbidden403: number
  /** Monotonic ms and wall clock of the first and last request. */
  firstAt: number | null
  lastAt: number | null
  firstTime: string | null
  lastTime: string | null
}

export type StatsKeeper = {
  arrived(upstream: string, atMs: number, time: string, inFlight: number): void
  answered(upstream: string, endpoint: string, status: number): void
  all(): Record<string, UpstreamStats>
  clear(): void
}

/** Counts what each upstream was asked; `names` appear in the answer even when never asked. */
export function createStats(names: readonly string[]): StatsKeeper {
  const create = () => new Map(names.map((name) => [name, emptyStats()]))
  let kept = create()
  const of = (name: string) => {
    const found = kept.get(name)
    if (found === undefined) throw new Error(`no upstream is called ${name}`)
    return found
  }
  return {
    arrived(name, atMs, time, inFlight) {
      const { stats, second } = of(name)
      second.add(atMs)
      stats.requests++
      stats.mostInASecond = Math.max(stats.mostInASecond, second.count(atMs))
      stats.mostInFlight = Math.max(stats.mostInFlight, inFlight)
      stats.firstAt ??= atMs
      stats.firstTime ??= time
      stats.lastAt = atMs
      stats.lastTime = time
    },
    answered(name, endpoint, status) {
      const { stats } = of(name)
      // Unknown paths are endless; what is kept of them is not.
      const known = endpoint in stats.endpoints || Object.keys(stats.endpoints).length < 100
      const statuses = (stats.endpoints[known ? endpoint : 'others'] ??= {})
      statuses[status] = (statuses[status] ?? 0) + 1
      if (status === 429) stats.tooMany429++
      if (status === 403) stats.forbidden403++
    },
    all: () => Object.fromEntries([...kept].map(([name, { stats }]) => [name, stats])),
    clear() {
      kept = create()
    },
  }
}

function emptyStats() {
  const stats: UpstreamStats = {
    requests: 0,
    endpoints: {},
    mostInASecond: 0,
    mostInFlight: 0,
    tooMany429: 0,
    forbidden403: 0,
    firstAt: null,
    lastAt: null,
    firstTime: null,
    lastTime: null,
  }
  return { stats, second: createSlidingWindow(1000) }
}

/** Endpoints, not addresses: numbers in the path, and ids of jobs, become `{id}`. */
export function endpointOf(method: string, path: string): string {
  return `${method} ${path.replace(/\/(\d+|job_\w+|[a-z0-9]{26})(?=\/|$)/g, '/{id}').slice(0, 100)}`
}
