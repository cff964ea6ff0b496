import type { Readable } from 'node:stream'

/**
 * Hands each line of a stream to `onLine`, and keeps reading whether or not there are lines.
 * Not node:readline, which passes the errors of the stream on as its own, unhandled.
 */
export function readLines(stream: Readable, onLine: (line: string) => void): void {
  let unfinished = ''
  stream.setEncoding('utf8')
  stream.on('data', (text: string) => {
    const lines = (unfinished + text).split('\n')
    unfinished = lines.pop() ?? ''
    for (const line of lines) onLine(line)
  })
}
