import type { ServerResponse } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import type { Logger } from '../../log.ts'
import { ProblemError } from '../problem.ts'
import { element, type Page, type Part, stateOf } from './frame.ts'

/** How often a page that is looked at is read again, in ms; where reading takes long, `sparing` times as long as that. */
const everyMs = 1000
const sparing = 5
/** A connection that says nothing is taken for dead by proxies, and by our own server after a minute. In ms. */
const silenceMs = 15_000
/** Then the browser asks anew, and is let in only if its session still holds. In ms. */
const longestMs = 10 * 60_000

export interface Live {
  /** Tells a browser what changes on a page, until it goes. Browsers that look at the same page share the reading. */
  follow(address: string, read: () => Promise<Page>, response: ServerResponse): void
  /** Waits for what a connection needs before it can follow. @throws ProblemError 503 as soon as `close` is called */
  untilClose<T>(work: Promise<T>): Promise<T>
  /** Ends all connections, also those that still come. */
  close(): void
}

interface Viewer {
  response: ServerResponse
  /** State by id: what this browser has. */
  has: Map<string, string>
  until: number
  heardAt: number
}

/** Server-sent events: the parts of a page that became others, as HTML. */
export function createLive(log: Logger): Live {
  const pages = new Map<string, Set<Viewer>>()
  const closing = new AbortController()
  const closed = new Promise<never>((_, reject) => {
    closing.signal.addEventListener('abort', () =>
      reject(new ProblemError(503, 'the server is stopping')),
    )
  })
  closed.catch(() => {})

  async function tellWhileWatched(
    address: string,
    viewers: Set<Viewer>,
    read: () => Promise<Page>,
  ): Promise<void> {
    while (viewers.size > 0 && !closing.signal.aborted) {
      const begun = performance.now()
      try {
        const page = await read()
        for (const viewer of viewers) tell(viewer, page)
      } catch (error) {
        log.warn({ address, reason: String(error) }, 'a page could not be kept up to date')
      }
      const restMs = Math.max(everyMs, sparing * (performance.now() - begun))
      await setTimeout(restMs, undefined, { signal: closing.signal }).catch(() => {})
      for (const viewer of viewers) if (performance.now() > viewer.until) viewer.response.end()
    }
    pages.delete(address)
  }

  return {
    follow(address, read, response) {
      // Gone while its page was read: it will never say so again.
      if (response.destroyed) return
      response.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      })
      response.write('retry: 2000\n\n')
      if (closing.signal.aborted) {
        response.end()
        return
      }
      const now = performance.now()
      const viewer = { response, has: new Map(), until: now + longestMs, heardAt: now }
      const others = pages.get(address)
      const viewers = others ?? new Set<Viewer>()
      viewers.add(viewer)
      response.on('close', () => viewers.delete(viewer))
      // Who goes while something is written to them is gone, no more.
      response.on('error', () => viewers.delete(viewer))
      if (others) return
      pages.set(address, viewers)
      void tellWhileWatched(address, viewers, read)
    },
    untilClose: (work) => Promise.race([work, closed]),
    close() {
      closing.abort()
      for (const viewers of pages.values()) for (const { response } of viewers) response.end()
    },
  }
}

function tell(viewer: Viewer, { title, live }: Page): void {
  const { response, has } = viewer
  // A browser that can't keep up misses states between, never the last one.
  if (response.writableNeedDrain || response.writableEnded || response.destroyed) return
  const states = new Map(live.map((part) => [part.id, stateOf(part)]))
  const changed = live.filter((part) => has.get(part.id) !== states.get(part.id))
  const isOther = changed.length > 0 || has.size !== states.size
  if (!isOther && performance.now() - viewer.heardAt < silenceMs) return
  response.write(isOther ? news(title, live, changed) : ': still here\n\n')
  viewer.has = states
  viewer.heardAt = performance.now()
}

function news(title: string, live: readonly Part[], changed: readonly Part[]): string {
  const order = live.map(({ id }) => id)
  const parts = Object.fromEntries(changed.map((part) => [part.id, element(part).text]))
  return `data: ${JSON.stringify({ title, order, parts })}\n\n`
}
