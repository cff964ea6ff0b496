import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { openFiles, type PutOptions } from '../../src/etl/load/files.ts'
import { newMeter } from '../../src/etl/extract/http-client.ts'
import { parseSettings } from '../../src/settings.ts'
import { isForeignS3, startS3 } from '../support/s3.ts'
import { until } from '../support/until.ts'

const json: PutOptions = { contentType: 'application/json', timeoutMs: 5000 }

async function withFiles(env: Record<string, string> = {}) {
  const s3 = await startS3()
  const files = openFiles(parseSettings({ ...s3.env, ...env }))
  if (!files) throw new Error('no storage is set')
  onTestFinished(() => files.close())
  return { s3, files }
}

function* broken() {
  for (let n = 0; n < 200; n++) yield Buffer.alloc(100_000, 'x')
  throw new Error('the source broke')
}

const csvRow = (n: number) => `${n},${'x'.repeat(1000)}\r\n`
const failure = async (work: Promise<unknown>) => await work.then(String, (error: unknown) => error)

test('the bucket is made when its absence shows; from then on a put is one PUT', async () => {
  const { s3, files } = await withFiles()
  const text = JSON.stringify({ name: 'Ёлка 🎄', size: 1 })
  const meter = newMeter()
  expect(await files.put('a/1.json', text, { ...json, meter })).toBe(Buffer.byteLength(text))
  // Some servers make a bucket with its first object.
  const first = isForeignS3 && meter.retries === 0 ? 1 : 3
  expect(meter).toMatchObject({ requests: first, retries: first === 1 ? 0 : 1 })
  await files.put('a/2.json', text, { ...json, meter })
  expect(meter).toMatchObject({ requests: first + 1, retries: first === 1 ? 0 : 1 })
  const second = () => s3.log().filter(({ key }) => key === 'a/2.json')
  await until('the put is logged', () => second().length > 0)
  expect(second()).toMatchObject([{ method: 'PUT', status: 200 }])
  expect(String(await s3.read('a/2.json'))).toBe(text)
  expect((await s3.stat('a/2.json')).metaData['content-type']).toBe('application/json')

  const names = Array.from({ length: 20 }, (_, n) => `same/${n}`)
  const other = openFiles(parseSettings({ ...s3.env, MINIO_BUCKET: `${s3.bucket}-b` }))
  await Promise.all(names.map(async (name) => await other?.put(name, 'x', json)))
  other?.close()
})

test('a stream: a short one is one PUT, one of 20 MB goes up in parts, each byte as it was', async () => {
  const { s3, files } = await withFiles()
  const csv = { contentType: 'text/csv; charset=utf-8', timeoutMs: 30_000 }
  await files.put('first', 'x', json)
  const short = ['a,ß\r\n', Buffer.from('1,é\r\n')]
  expect(await files.put('short.csv', Readable.from(short), csv)).toBe(12)
  expect(String(await s3.read('short.csv'))).toBe('a,ß\r\n1,é\r\n')
  const puts = s3.log().filter(({ key }) => key === 'short.csv')
  expect(puts.filter(({ method }) => method !== 'GET').map(({ method }) => method)).toEqual(['PUT'])

  const hash = createHash('sha256')
  const rows = function* () {
    for (let n = 0; n < 20_000; n++) {
      hash.update(csvRow(n))
      yield csvRow(n)
    }
  }
  const bytes = await files.put('long.csv', Readable.from(rows()), csv)
  const read = await s3.read('long.csv')
  expect(read.length).toBe(bytes)
  expect(createHash('sha256').update(read).digest('hex')).toBe(hash.digest('hex'))
  expect(bytes).toBeGreaterThan(20_000_000)
})

test('a stream that breaks takes back the parts that are there, and says what broke it', async () => {
  const { s3, files } = await withFiles()
  const error = await failure(files.put('half', Readable.from(broken()), json))
  expect(String(error)).toBe('Error: the source broke')
  const asked = () => s3.log().filter(({ key }) => key === 'half')
  await until('the parts are taken back', () => asked().at(-1)?.method === 'DELETE')
  // Our own server does not know how (405), others do.
  const methods = asked().map(({ method }) => method)
  // The first POST shows that the bucket is missing; some servers make it by themselves.
  expect(methods.slice(methods.lastIndexOf('POST'))).toEqual(['POST', 'PUT', 'PUT', 'DELETE'])
  expect(await s3.keys()).toEqual([])
})

test('uploads that are cut off, again and again, leave what was there as it was', async () => {
  const { s3, files } = await withFiles()
  await files.put('kept', 'as it was', json)
  s3.fault('cut')
  // Half of one byte would be all of it.
  const cut = Array.from({ length: 40 }, async (_, n) => {
    await failure(files.put(n % 2 ? 'kept' : `new/${n}`, 'x'.repeat(2 + n * 500), json))
  })
  await Promise.all(cut)
  s3.fault(undefined)
  expect(await s3.keys()).toEqual(['kept'])
  expect(String(await s3.read('kept'))).toBe('as it was')
})

test('a presigned address downloads just that, under its name; changed or expired it does not', async () => {
  const { s3, files } = await withFiles()
  await files.put('leads/1.csv', 'a,b\r\n', json)
  const options = { fileName: 'leads-1.csv', ttlSeconds: 60 }
  const url = await files.downloadUrl('leads/1.csv', options)
  const answer = await fetch(url)
  expect([answer.status, await answer.text()]).toEqual([200, 'a,b\r\n'])
  expect(answer.headers.get('content-disposition')).toBe('attachment; filename="leads-1.csv"')

  const last = url.at(-1) === '0' ? '1' : '0'
  const changed = [
    `${url.slice(0, -1)}${last}`,
    url.replace('leads-1.csv', 'other.csv'),
    url.replace('leads/1.csv', 'leads/2.csv'),
    url.replace('X-Amz-Expires=60', 'X-Amz-Expires=600'),
  ]
  for (const other of changed) {
    expect(other).not.toBe(url)
    expect([other, (await fetch(other)).status]).toEqual([other, 403])
  }
  const short = await files.downloadUrl('leads/1.csv', { ...options, ttlSeconds: 1 })
  await new Promise((resolve) => setTimeout(resolve, 2100))
  expect((await fetch(short)).status).toBe(403)
  const refused = () => s3.log().filter(({ status }) => status === 403)
  await until('the five are logged', () => refused().length === 5)
})

test('presigned addresses name the public endpoint', async () => {
  const { s3, files } = await withFiles({ MINIO_PUBLIC_ENDPOINT: 'https://files.example.com' })
  const url = await files.downloadUrl('x.csv', { fileName: 'x.csv', ttlSeconds: 60 })
  expect(url).toMatch(new RegExp(`^https://files\\.example\\.com/${s3.bucket}/x\\.csv\\?`))
  expect(url).not.toContain(
    s3.env.MINIO_SECRET_KEY === 'S3RVER' ? 'secret' : s3.env.MINIO_SECRET_KEY,
  )
  expect(s3.log()).toEqual([])
})

test('a storage that hangs is given up in time, and nothing goes on behind', async () => {
  const { s3, files } = await withFiles()
  await files.put('x', 'x', json)
  s3.fault('hang')
  const begun = performance.now()
  const error = await failure(files.put('y', 'y', { ...json, timeoutMs: 500 }))
  expect(error).toMatchObject({ kind: 'network', service: 'minio', retriable: true })
  expect(performance.now() - begun).toBeLessThan(900)
  await until('its connection is gone', () => s3.open() === 0, 1000)

  const stop = new AbortController()
  setTimeout(() => stop.abort(new Error('enough')), 100)
  const stopped = await failure(files.until(stop.signal).put('y', 'y', json))
  expect(String(stopped)).toBe('Error: enough')
  await expect(files.check(300)).rejects.toMatchObject({ kind: 'network' })
  s3.fault(undefined)
  await files.check(3000)
  expect(await s3.keys()).toEqual(['x'])
})

test('gone, 503, wrong keys: each has its kind, and says no key', async () => {
  const { s3, files } = await withFiles()
  await files.put('x', 'x', json)
  for (const fault of ['gone', 'cut', 'answer lost'] as const) {
    s3.fault(fault)
    const error = await failure(files.put('x', 'x'.repeat(1000), json))
    expect([fault, error]).toMatchObject([fault, { kind: 'network', service: 'minio' }])
  }
  s3.fault('unavailable')
  expect(await failure(files.put('x', 'x', json))).toMatchObject({ kind: 'upstream' })
  s3.fault(undefined)
  const env = { ...s3.env, MINIO_SECRET_KEY: 'quite-wrong' }
  const stranger = openFiles(parseSettings(env))
  const refused = await failure(stranger?.put('x', 'y', json) ?? Promise.resolve())
  stranger?.close()
  expect(refused).toMatchObject({ kind: 'unauthorized', retriable: false })
  expect(JSON.stringify(refused) + String(refused)).not.toContain('quite-wrong')
})

test.skipIf(isForeignS3)('a server killed in mid-write shows no half object', async () => {
  const { s3, files } = await withFiles()
  await files.put('whole', 'x', json)
  const endless = async function* () {
    for (let n = 0; n < 400; n++) {
      yield Buffer.alloc(100_000, 'x')
      if (n === 200) s3.kill()
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }
  const error = await failure(files.put('half', Readable.from(endless()), json))
  expect(error).toMatchObject({ kind: 'network' })
  await s3.restart()
  expect(await s3.keys()).toEqual(['whole'])
})

test('each setting that is wrong is named, its value is not', () => {
  const wrong = {
    MINIO_ENDPOINT: 'minio:9000',
    MINIO_PUBLIC_ENDPOINT: 'https://files.example.com/storage-path',
    MINIO_BUCKET: 'My_Bucket',
    CSV_URL_TTL: '604801',
  }
  for (const [name, value] of Object.entries(wrong)) {
    expect(() => parseSettings({ [name]: value })).toThrow(new RegExp(`^${name}: must be`))
    expect(() => parseSettings({ [name]: value })).not.toThrow(value)
  }
  expect(openFiles(parseSettings({ MINIO_ENDPOINT: 'http://minio:9000' }))).toBeUndefined()
  const { hide } = parseSettings({ MINIO_SECRET_KEY: 'one-secret', API_TOKEN: 'other-secret' })
  expect(hide('one-secret and other-secret')).toBe('[hidden] and [hidden]')
})
