import type { Readable } from 'node:stream'

/** A stream as blocks of `bytes` each; only the last one is shorter, and the only one may be empty. */
export async function* blocksOf(stream: Readable, bytes: number): AsyncGenerator<Buffer> {
  let chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stream) {
    const part = asBuffer(chunk)
    chunks.push(part)
    length += part.length
    if (length < bytes) continue
    let rest = Buffer.concat(chunks)
    // Held back while it might be the last one.
    for (; rest.length > bytes; rest = rest.subarray(bytes)) yield rest.subarray(0, bytes)
    chunks = [rest]
    length = rest.length
  }
  yield Buffer.concat(chunks)
}

function asBuffer(chunk: unknown): Buffer {
  if (Buffer.isBuffer(chunk)) return chunk
  if (typeof chunk === 'string') return Buffer.from(chunk)
  throw new TypeError('a stream of bytes or text was expected')
}
