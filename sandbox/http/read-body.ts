import type { IncomingMessage } from 'node:http'

const MAX_BODY = 1024 * 1024

/** The body as text, cut at 1 MB, and how many bytes it has; what came of it where the client left in the middle. */
export async function readBody(
  request: IncomingMessage,
): Promise<{ body: string; bodyBytes: number }> {
  const { method = 'GET' } = request
  if (method === 'GET' || method === 'HEAD') {
    request.resume()
    return { body: '', bodyBytes: 0 }
  }
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of request) {
      const part = Buffer.from(chunk)
      if (bytes < MAX_BODY) chunks.push(part.subarray(0, MAX_BODY - bytes))
      bytes += part.length
    }
  } catch {
    // The client went away: its request is told as far as it came.
  }
  return { body: Buffer.concat(chunks).toString(), bodyBytes: bytes }
}
