declare module '@20minutes/s3rver' {
  import type { Server } from 'node:http'

  /** The part of it that we use: its own sources say the rest. */
  export default class S3rver {
    constructor(options: {
      address: string
      port: number
      directory: string
      silent: boolean
      /** Buckets in the host name. */
      vhostBuckets: boolean
    })
    httpServer: Server
    store: {
      /** Writes the content to the file. Answers its length and MD5. */
      putContent(file: string, content: unknown): Promise<[length: number, md5: string]>
      getMetadata(bucket: string, key: string): Promise<object>
      /** Where a part of an object lies. */
      getResourcePath(bucket: string, key: string, resource: string): string
    }
    run(): Promise<{ address: string; port: number }>
  }
}
