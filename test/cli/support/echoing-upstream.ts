import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { onTestFinished } from 'vitest'

/** An upstream that repeats the token it was sent, in every place that an answer has. */
export async function startEchoingUpstream() {
  let answer: ((authorization: string, response: ServerResponse) => void) | undefined
  const server = createServer((request: IncomingMessage, response) => {
    const authorization = request.headers.authorization ?? ''
    response.setHeader('x-request-id', encodeURIComponent(authorization))
    response.setHeader('www-authenticate', authorization)
    answer?.(authorization, response)
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  onTestFinished(() => void server.close())
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    answerWith(
      status: number,
      type: string,
      body: (bearer: string) => string,
      headers: (bearer: string) => Record<string, string> = () => ({}),
    ) {
      answer = (authorization, response) => {
        const bearer = authorization.replace('Bearer ', '')
        response.writeHead(status, { 'content-type': type, ...headers(bearer) }).end(body(bearer))
      }
    },
  }
}
