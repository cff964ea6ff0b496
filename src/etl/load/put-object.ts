import type { Readable } from 'node:stream'
import type { Client } from 'minio'
import type { Meter } from '../extract/http-client.ts'
import { blocksOf } from './blocks.ts'
import { codeOf, isStaleConnection } from './storage-faults.ts'

/** From here on a stream goes up in parts of this size; S3 wants 5 MB at least and 10,000 of them at most. */
const partBytes = 8 * 1024 * 1024

export interface ObjectToPut {
  bucket: string
  region: string
  key: string
  contentType: string
  meter?: Meter | undefined
}

/** One PUT. Answers its size in bytes. */
export async function putBuffer(
  client: Client,
  object: ObjectToPut,
  body: Buffer,
): Promise<number> {
  const { bucket, key, contentType } = object
  await withBucket(client, object, () =>
    client.putObject(bucket, key, body, body.length, { 'Content-Type': contentType }),
  )
  return body.length
}

/**
 * A short one is one PUT; a long one goes up in parts, and shows only when all are there. Two parts are in memory at most.
 * (The client's own way of streaming first looks for parts that somebody else left under the same key, and goes on with
 * them; not every server can list those.)
 * @param cleaner takes parts back; its requests must outlive those of `client`
 */
export async function putStream(
  client: Client,
  object: ObjectToPut,
  body: Readable,
  cleaner: Client,
): Promise<number> {
  const blocks = blocksOf(body, partBytes)
  const first = await blocks.next()
  const second = first.done ? first : await blocks.next()
  if (first.done) return await putBuffer(client, object, Buffer.alloc(0))
  if (second.done) return await putBuffer(client, object, first.value)

  const { bucket, key, contentType } = object
  const upload = await withBucket(client, object, () =>
    client.initiateNewMultipartUpload(bucket, key, { 'Content-Type': contentType }),
  )
  try {
    const parts: { part: number; etag: string }[] = []
    const send = async (block: Buffer) => {
      const part = parts.length + 1
      const query = `partNumber=${part}&uploadId=${encodeURIComponent(upload)}`
      const headers = { 'Content-Length': String(block.length) }
      const options = { method: 'PUT', bucketName: bucket, objectName: key, query, headers }
      const answer = await client.makeRequestAsyncOmit(options, block)
      parts.push({ part, etag: (answer.headers.etag ?? '').replaceAll('"', '') })
      return block.length
    }
    let bytes = (await send(first.value)) + (await send(second.value))
    for await (const block of blocks) bytes += await send(block)
    await client.completeMultipartUpload(bucket, key, upload, parts)
    return bytes
  } catch (error) {
    // Left behind they would cost for ever, and show nowhere.
    await cleaner.abortMultipartUpload(bucket, key, upload).catch(() => {})
    throw error
  }
}

/**
 * The bucket is made when its absence shows, and asked for never; a connection that was closed just when it was used
 * again is worth a second try.
 */
async function withBucket<T>(
  client: Client,
  { bucket, region, meter }: ObjectToPut,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (codeOf(error) === 'NoSuchBucket') await makeBucket(client, bucket, region)
    else if (!isStaleConnection(error)) throw error
    if (meter) meter.retries++
    return await work()
  }
}

async function makeBucket(client: Client, bucket: string, region: string): Promise<void> {
  try {
    await client.makeBucket(bucket, region)
  } catch (error) {
    // Another one was faster.
    if (!codeOf(error).startsWith('BucketAlready')) throw error
  }
}
