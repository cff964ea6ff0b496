import { Readable } from 'node:stream'
import type { Settings } from '../../settings.ts'
import type { Meter } from '../extract/http-client.ts'
import { putBuffer, putStream } from './put-object.ts'
import { openStorage } from './storage-client.ts'
import { isMissing } from './storage-faults.ts'
import { withinTime } from './within-time.ts'

export interface PutOptions {
  contentType: string
  /** For all of it together, a missing bucket and repeats included. */
  timeoutMs: number
  /** Ends it sooner. */
  signal?: AbortSignal | undefined
  /** Counts what is sent. */
  meter?: Meter | undefined
}

/** How long taking back half an upload may go on behind, in ms. */
const cleanUpMs = 5000

/** The bucket: files go in whole or not at all, and come out by presigned addresses. */
export interface Files {
  bucket: string
  /**
   * Writes an object, in place of the one that may be there; makes the bucket where it is missing. Answers its size in
   * bytes once the object is there.
   * @throws Fault: `network` where the storage is away or too slow, `unauthorized` where it refuses the keys,
   *   `forbidden` where they may not, `upstream` for its other refusals; the signal's reason if that fires
   */
  put(key: string, body: string | Buffer | Readable, options: PutOptions): Promise<number>
  /** Whether there is such an object. @throws Fault as above. */
  has(key: string, timeoutMs: number): Promise<boolean>
  /** Deletes an object; none is as good. @throws Fault as above. */
  remove(key: string, timeoutMs: number): Promise<void>
  /** An address that downloads the object under this file name, good for `ttlSeconds`. Asks nobody. */
  downloadUrl(key: string, options: { fileName: string; ttlSeconds: number }): Promise<string>
  /** @throws Fault as above where the storage does not answer in time. A missing bucket is no fault: `put` makes it. */
  check(timeoutMs: number): Promise<void>
  /** The same, where every `put` ends when the signal fires. */
  until(signal: AbortSignal): Files
  close(): void
}

/** @returns undefined where the settings name no storage */
export function openFiles(settings: Settings): Files | undefined {
  const storage = openStorage(settings)
  if (!storage) return undefined
  const bucket = settings.MINIO_BUCKET
  const files: Files = {
    bucket,
    put: async (key, body, options) =>
      await withinTime(options, async (signal) => {
        const { contentType, meter, timeoutMs } = options
        const client = storage.client({ signal, meter })
        const object = { bucket, region: settings.MINIO_REGION, key, contentType, meter }
        if (!(body instanceof Readable)) return await putBuffer(client, object, Buffer.from(body))
        const cleaner = storage.client({ signal: AbortSignal.timeout(timeoutMs + cleanUpMs) })
        return await putStream(client, object, body, cleaner)
      }),
    has: async (key, timeoutMs) =>
      await withinTime({ timeoutMs }, async (signal) => {
        try {
          await storage.client({ signal }).statObject(bucket, key)
          return true
        } catch (error) {
          if (isMissing(error)) return false
          throw error
        }
      }),
    remove: async (key, timeoutMs) =>
      await withinTime({ timeoutMs }, async (signal) => {
        await storage.client({ signal }).removeObject(bucket, key)
      }),
    downloadUrl: async (key, { fileName, ttlSeconds }) =>
      await storage.publicClient.presignedGetObject(bucket, key, ttlSeconds, {
        'response-content-disposition': `attachment; filename="${fileName}"`,
      }),
    check: async (timeoutMs) =>
      await withinTime({ timeoutMs }, async (signal) => {
        await storage.client({ signal }).bucketExists(bucket)
      }),
    until: (end) => ({
      ...files,
      put: async (key, body, { signal, ...options }) => {
        const both = signal ? AbortSignal.any([end, signal]) : end
        return await files.put(key, body, { ...options, signal: both })
      },
    }),
    close: () => storage.close(),
  }
  return files
}
