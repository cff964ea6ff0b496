import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Client } from 'minio'
import { onTestFinished } from 'vitest'
import { z } from 'zod'
import { s3Keys } from '../../src/embedded/s3.ts'
import { type Program, startProgram } from './program.ts'
import { type ProxyFault, startS3Proxy } from './s3-proxy.ts'
import { until } from './until.ts'

const logLine = z.object({
  method: z.string(),
  bucket: z.string(),
  key: z.string(),
  status: z.number(),
  began: z.iso.datetime(),
  ended: z.iso.datetime(),
})
export type S3Request = z.infer<typeof logLine>

const given = process.env['TEST_MINIO_ENDPOINT']

/** Whether the tests run against an S3 server that somebody else started: it can't be killed, nor its log be read. */
export const isForeignS3 = given !== undefined

/**
 * A real S3 server behind a proxy that can break, and a bucket name of its own: ours (`src/embedded/s3-program.ts`) or the
 * one of TEST_MINIO_ENDPOINT, TEST_MINIO_ACCESS_KEY, TEST_MINIO_SECRET_KEY and TEST_MINIO_REGION. All gone when the
 * test has finished.
 */
export async function startS3() {
  const accessKey = process.env['TEST_MINIO_ACCESS_KEY'] ?? s3Keys.accessKey
  const secretKey = process.env['TEST_MINIO_SECRET_KEY'] ?? s3Keys.secretKey
  const region = process.env['TEST_MINIO_REGION'] ?? 'us-east-1'
  const bucket = `test-${randomBytes(6).toString('hex')}`
  const ours = given === undefined ? await startOurs() : undefined
  const proxy = await startS3Proxy(() => ours?.url() ?? given ?? '')

  const admin = () => {
    const { hostname, port, protocol } = new URL(ours?.url() ?? given ?? '')
    const useSSL = protocol === 'https:'
    const endPoint = { endPoint: hostname, port: Number(port) || (useSSL ? 443 : 80), useSSL }
    return new Client({ ...endPoint, accessKey, secretKey, region, pathStyle: true })
  }
  // A server that was just started again under load may refuse the first look.
  const keys = () => until('the storage lists its objects', () => listKeys().catch(() => undefined))
  const listKeys = async (): Promise<string[]> => {
    if (!(await admin().bucketExists(bucket))) return []
    const found: string[] = []
    for await (const item of admin().listObjectsV2(bucket, '', true)) {
      found.push(z.object({ name: z.string() }).parse(item).name)
    }
    return found
  }
  onTestFinished(async () => {
    if (!given || !(await admin().bucketExists(bucket))) return
    await admin().removeObjects(bucket, await keys())
    await admin().removeBucket(bucket)
  })

  return {
    bucket,
    env: {
      MINIO_ENDPOINT: proxy.url,
      MINIO_ACCESS_KEY: accessKey,
      MINIO_SECRET_KEY: secretKey,
      MINIO_BUCKET: bucket,
      MINIO_REGION: region,
    },
    keys,
    /** What an object holds. */
    async read(key: string): Promise<Buffer> {
      const chunks: Buffer[] = []
      for await (const chunk of await admin().getObject(bucket, key))
        chunks.push(Buffer.from(chunk))
      return Buffer.concat(chunks)
    },
    stat: (key: string) => admin().statObject(bucket, key),
    /** Requests that have ended, as the server itself saw them; as the proxy did, where the server is not ours. */
    log: (): S3Request[] => ours?.log() ?? proxy.log(),
    /** What goes wrong from now on; undefined: nothing. */
    fault: (fault: ProxyFault | undefined) => proxy.fault(fault),
    /** Requests that are under way at the proxy. */
    open: () => proxy.open(),
    /** kill -9, and up again on the same data. Only where the server is ours. */
    kill: () => ours?.program().child.kill('SIGKILL'),
    restart: async () => await ours?.restart(),
  }
}

export type TestS3 = Awaited<ReturnType<typeof startS3>>

async function startOurs() {
  const dir = mkdtempSync(path.join(tmpdir(), 'nightledger-s3-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  const programs: Program[] = []
  const urls: string[] = []
  const start = async () => {
    const program = startProgram('src/embedded/s3-program.ts', ['--dir', dir], {})
    programs.push(program)
    const first = await until('the S3 server says where it listens', () =>
      program.stdout().includes('\n') ? program.stdout().split('\n')[0] : undefined,
    )
    urls.push(z.object({ listening: z.string() }).parse(JSON.parse(first)).listening)
  }
  await start()
  return {
    url: () => urls.at(-1) ?? '',
    program: () => {
      const last = programs.at(-1)
      if (!last) throw new Error('no S3 server was started')
      return last
    },
    log: () =>
      programs.flatMap((program) =>
        program
          .stdout()
          .split('\n')
          .slice(1, -1)
          .map((line) => logLine.parse(JSON.parse(line))),
      ),
    restart: async () => {
      const last = programs.at(-1)
      last?.child.kill('SIGKILL')
      await last?.exited
      await start()
    },
  }
}
