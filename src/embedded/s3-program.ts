/**
 * The S3 server of the embedded default: `node s3-program.ts --port N --dir FOLDER`. It takes any bucket name,
 * and checks signatures made with the key pair of `s3.ts`.
 *
 * The first line of its output says where it listens; then comes a line for each request when it has ended:
 * an `S3LogLine`.
 */
import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import S3rver from '@20minutes/s3rver'
import type { S3LogLine } from './s3.ts'

const { values } = parseArgs({
  options: { port: { type: 'string', default: '0' }, dir: { type: 'string', default: '.' } },
})
mkdirSync(values.dir, { recursive: true })

const server = new S3rver({
  address: '127.0.0.1',
  port: Number(values.port),
  directory: values.dir,
  silent: true,
  vhostBuckets: false,
})
wholeOrNot(server.store)
forgetBrokenMetadata(server.store)
const { port } = await server.run()
server.httpServer.on('request', logRequest)
say({ listening: `http://127.0.0.1:${port}` })

// An object that is half written has no metadata yet, and is not listed: there is nothing to wait for.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(0))

/**
 * It would keep what came of an upload that was cut off, in place of what was there, and call that the object. Real ones
 * show an object whole or not at all.
 */
function wholeOrNot(store: S3rver['store']): void {
  const putContent = store.putContent.bind(store)
  store.putContent = async (file, content) => {
    const unfinished = `${file}.${randomUUID()}`
    try {
      const written = await putContent(unfinished, content)
      if (content instanceof IncomingMessage && !content.complete) throw new Error('cut off')
      await rename(unfinished, file)
      return written
    } catch (error) {
      await rm(unfinished, { force: true })
      throw error
    }
  }
}

/**
 * A kill while metadata are written leaves a file that is none, and with it no list of the bucket could be had ever again.
 * One that stays broken, so that nobody is writing it, is taken away: its object then has its content and no more.
 */
function forgetBrokenMetadata(store: S3rver['store']): void {
  const getMetadata = store.getMetadata.bind(store)
  store.getMetadata = async (bucket, key) => {
    for (let looked = 0; looked < 5; looked++) {
      try {
        return await getMetadata(bucket, key)
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error
        await setTimeout(50)
      }
    }
    await rm(store.getResourcePath(bucket, key, 'metadata.json'), { force: true })
    return await getMetadata(bucket, key)
  }
}

/** Without its query, which holds the signature of a presigned address. */
function logRequest(request: IncomingMessage, response: ServerResponse): void {
  const began = new Date()
  const { pathname } = new URL(request.url ?? '/', 'http://s3')
  const [, bucket = '', ...key] = decodeURIComponent(pathname).split('/')
  response.once('close', () => {
    const line: S3LogLine = {
      method: request.method ?? '',
      bucket,
      key: key.join('/'),
      // 0: the client was gone before the answer.
      status: response.writableFinished ? response.statusCode : 0,
      began: began.toISOString(),
      ended: new Date().toISOString(),
    }
    say(line)
  })
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
