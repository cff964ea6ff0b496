import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { request as secureRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import type { S3Request } from './s3.ts'

export type ProxyFault =
  /** The connection is destroyed at once. */
  | 'gone'
  /** Nothing is answered, nothing passed on. */
  | 'hang'
  /** Half of the body is passed on, then both connections are destroyed. */
  | 'cut'
  /** All is passed on, but the answer never comes back. */
  | 'answer lost'
  /** All is passed on, a while later. */
  | { slowMs: number }
  /** It says 503. */
  | 'unavailable'

/** Passes requests on as they are, with their Host header, so that their signatures stay good; breaks them on demand. */
export async function startS3Proxy(target: () => string) {
  const log: S3Request[] = []
  let fault: ProxyFault | undefined
  let open = 0

  const server = createServer((given, response) => {
    open++
    const began = new Date().toISOString()
    response.once('close', () => {
      open--
      const [, bucket = '', ...key] = decodeURIComponent(given.url?.split('?')[0] ?? '').split('/')
      const status = response.writableFinished ? response.statusCode : 0
      const ended = new Date().toISOString()
      log.push({ method: given.method ?? '', bucket, key: key.join('/'), status, began, ended })
    })
    handle(given, response, fault, target()).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    log: () => [...log],
    open: () => open,
    fault: (next: ProxyFault | undefined) => {
      fault = next
    },
  }
}

async function handle(
  given: IncomingMessage,
  response: ServerResponse,
  fault: ProxyFault | undefined,
  target: string,
): Promise<void> {
  if (fault === 'hang') return
  if (fault === 'gone') return void response.destroy()
  const chunks: Buffer[] = []
  for await (const chunk of given) chunks.push(Buffer.from(chunk))
  const body = Buffer.concat(chunks)
  if (fault === 'unavailable') return void response.writeHead(503).end()
  if (typeof fault === 'object') await setTimeout(fault.slowMs)

  const { hostname, port, protocol } = new URL(target)
  const send = protocol === 'https:' ? secureRequest : request
  const { method, url: path, headers } = given
  const passed = send({ host: hostname, port, method, path, headers, agent: false }, (answer) => {
    if (fault === 'answer lost') response.destroy()
    else answer.pipe(response.writeHead(answer.statusCode ?? 502, answer.headers))
  })
  passed.on('error', () => response.destroy())
  if (fault !== 'cut') return void passed.end(body)
  passed.write(body.subarray(0, Math.ceil(body.length / 2)), () => {
    passed.destroy()
    response.destroy()
  })
}
