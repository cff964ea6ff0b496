import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Upstream } from '../../../src/etl/extract/http-client.ts'

export type Handler = (request: IncomingMessage, response: ServerResponse) => void

export interface UpstreamServer {
  url: string
  /** `GET /path?query`, in order of arrival. */
  asked: string[]
  /** When each arrived, in milliseconds of the monotonic clock. */
  arrivedAt: number[]
  /** How the next requests are answered. */
  answer: (handler: Handler) => void
  /** Answers the next requests one by one, then as the last one. */
  answerInTurn: (...handlers: Handler[]) => void
  stop(): Promise<void>
}

/** An upstream on loopback that does what a test tells it. */
export async function startUpstream(first: Handler = json({})): Promise<UpstreamServer> {
  let handler = first
  const asked: string[] = []
  const arrivedAt: number[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    arrivedAt.push(performance.now())
    handler(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    asked,
    arrivedAt,
    answer: (next) => {
      handler = next
    },
    answerInTurn: (...handlers) => {
      let turn = 0
      handler = (request, response) =>
        handlers[Math.min(turn++, handlers.length - 1)]?.(request, response)
    },
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Handler {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(body))
  }
}

export function page(html: string, status = 200, headers: Record<string, string> = {}): Handler {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'text/html', ...headers })
    response.end(html)
  }
}

/** An upstream whose quota is in nobody's way, on an account of its own. */
export function upstreamAt(baseUrl: string, more: Partial<Upstream> = {}): Upstream {
  return {
    service: 'amocrm',
    account: `account-${Math.random()}`,
    baseUrl,
    headers: { authorization: 'Bearer hush-hush-token' },
    perSecond: 100,
    settings: { baseUrl: 'AMOCRM_BASE_URL', secret: 'AMOCRM_ACCESS_TOKEN' },
    ...more,
  }
}
