import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { z } from 'zod'

const messageSchema = z.strictObject({
  text: z.string().min(1),
  blocks: z
    .array(
      z.union([
        z.strictObject({
          type: z.literal('section'),
          text: z.strictObject({ type: z.literal('mrkdwn'), text: z.string().min(1).max(3000) }),
        }),
        z.strictObject({
          type: z.literal('context'),
          elements: z
            .array(z.strictObject({ type: z.literal('mrkdwn'), text: z.string() }))
            .max(10),
        }),
      ]),
    )
    .max(50),
})
export type Message = z.output<typeof messageSchema>

/** A webhook that takes what Slack takes, keeps it, and fails on demand. */
export async function startWebhook() {
  const messages: Message[] = []
  const tries: string[] = []
  let how: number | 'hang' | ((tried: number) => number) = 200
  let headers: Record<string, string> = {}
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      tries.push(body)
      if (how === 'hang') return
      const status = typeof how === 'function' ? how(tries.length) : how
      if (status === 200) messages.push(messageSchema.parse(JSON.parse(body)))
      response.writeHead(status, headers).end(status === 200 ? 'ok' : 'no_service')
    })
  })
  const listen = async (port = 0) => {
    server.listen(port, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    return (server.address() as AddressInfo).port
  }
  const port = await listen()
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  onTestFinished(close)
  return {
    url: `http://127.0.0.1:${port}/services/T0/B0/secret-of-the-hook`,
    messages,
    /** The bodies of all requests, also of those that it refused. */
    tries,
    /** How it answers from now on. */
    answer(next: typeof how, withHeaders: Record<string, string> = {}) {
      how = next
      headers = withHeaders
    },
    down: close,
    /** Again, where it was. */
    up: () => listen(port),
  }
}
