import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** What another server might do differently within upstreams/amocrm.md. */
export interface Oddity {
  /** Changes what is asked. */
  ask?: (query: URLSearchParams) => unknown
  /** Changes what is answered; `undefined`: it was a 204. */
  answer?: (body: Body | undefined, asked: URLSearchParams) => Body | undefined
}

export interface Body {
  _links?: unknown
  _embedded?: Record<string, Record<string, unknown>[]>
  [key: string]: unknown
}

/** A server before the sandbox that changes questions and answers. Answers its base URL. */
export async function oddServer(sandboxUrl: string, { ask, answer }: Oddity): Promise<string> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', sandboxUrl)
    const asked = new URLSearchParams(url.searchParams)
    ask?.(url.searchParams)
    const forward = async () => {
      const headers = { authorization: request.headers.authorization ?? '' }
      const theirs = await fetch(
        `${sandboxUrl}/amocrm${url.pathname}?${url.searchParams.toString()}`,
        {
          headers,
        },
      )
      const text = await theirs.text()
      if (theirs.status !== 200 && theirs.status !== 204) {
        response.writeHead(theirs.status, { 'content-type': 'application/problem+json' }).end(text)
        return
      }
      const body = answer
        ? answer(text ? JSON.parse(text) : undefined, asked)
        : text && JSON.parse(text)
      if (body) {
        response.writeHead(200, { 'content-type': 'application/hal+json' })
        response.end(JSON.stringify(body))
      } else response.writeHead(204).end()
    }
    forward().catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
