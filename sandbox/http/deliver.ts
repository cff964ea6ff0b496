import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Answer } from './answer.ts'

/**
 * Sends an answer after its delay; resolves when it is out or the connection is gone. The delay is
 * a timer, so any number of requests wait side by side.
 */
export async function deliver(answer: Answer, response: ServerResponse): Promise<void> {
  if (!(await waitOpen(response, answer.delayMs ?? 0))) return
  const delivery = answer.delivery ?? 'whole'
  if (delivery === 'never') return waitClosed(response)
  if (delivery === 'reset') {
    response.socket?.resetAndDestroy()
    return
  }
  const headers = {
    ...(answer.contentType !== undefined && { 'content-type': answer.contentType }),
    ...answer.headers,
  }
  if (answer.stream !== undefined) {
    response.writeHead(answer.status, headers)
    return sendStream(answer.stream, response)
  }
  const body = bodyOf(answer)
  // 204 has no length, not even 0 (RFC 9110, 8.6); the others tell it, so that half is seen as half.
  response.writeHead(
    answer.status,
    answer.status === 204 ? headers : { ...headers, 'content-length': body.length },
  )
  if (delivery === 'half') {
    await new Promise<void>((resolve) => {
      response.write(body.subarray(0, Math.ceil(body.length / 2)), () => resolve())
    })
    response.socket?.destroy()
    return
  }
  response.end(body)
}

function bodyOf(answer: Answer): Buffer {
  if (answer.json !== undefined) return Buffer.from(JSON.stringify(answer.json))
  return Buffer.from(answer.text ?? '')
}

async function sendStream(stream: Iterable<string>, response: ServerResponse): Promise<void> {
  try {
    await pipeline(Readable.from(stream), response)
  } catch {
    // The client went away in the middle: that is its right.
  }
}

/** False when the client left before the time was over. */
function waitOpen(response: ServerResponse, ms: number): Promise<boolean> {
  if (ms <= 0 || response.destroyed) return Promise.resolve(!response.destroyed)
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      response.off('close', left)
      resolve(true)
    }, ms)
    const left = () => {
      clearTimeout(timer)
      resolve(false)
    }
    response.once('close', left)
  })
}

function waitClosed(response: ServerResponse): Promise<void> {
  if (response.destroyed) return Promise.resolve()
  return new Promise((resolve) => response.once('close', () => resolve()))
}
