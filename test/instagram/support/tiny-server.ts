import { onTestFinished } from 'vitest'
import { type Handler, json, startUpstream } from '../../etl/support/upstream-server.ts'

/** A server that answers each path with what a test says: a body, or a handler; anything else is a 404 without words. */
export async function tinyServer(
  answers: Record<string, object | ((query: URLSearchParams) => unknown)>,
) {
  const server = await startUpstream()
  onTestFinished(() => server.stop())
  server.answer((request, response) => {
    const url = new URL(request.url ?? '/', server.url)
    const answer = answers[url.pathname]
    const body =
      typeof answer === 'function'
        ? (answer as (query: URLSearchParams) => unknown)(url.searchParams)
        : answer
    const handler: Handler =
      body instanceof Custom ? body.handler : body === undefined ? json({}, 404) : json(body)
    handler(request, response)
  })
  return server
}

/** An answer that is no plain 200 of JSON. */
export class Custom {
  readonly handler: Handler
  constructor(handler: Handler) {
    this.handler = handler
  }
}
export const refusal = (status: number, body: unknown) => new Custom(json(body, status))
