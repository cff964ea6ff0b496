import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { joinEmbedded } from '../../src/embedded/join.ts'
import { s3Keys } from '../../src/embedded/s3.ts'
import { openFiles } from '../../src/etl/load/files.ts'
import { parseSettings } from '../../src/settings.ts'
import { isQuiet, temporaryDir } from './embedded-helpers.ts'

const filesAt = (url: string | undefined) => {
  const { accessKey, secretKey } = s3Keys
  const keys = { MINIO_ACCESS_KEY: accessKey, MINIO_SECRET_KEY: secretKey }
  const files = openFiles(parseSettings({ MINIO_ENDPOINT: url, ...keys }))
  if (!files) throw new Error('no storage is set')
  return files
}

test('the S3 server comes when asked for, keeps address and objects, and goes with its last user', async () => {
  const dir = temporaryDir()
  const json = { contentType: 'application/json', timeoutMs: 5000 }
  const wanted = { dir, postgres: false, sandbox: false }
  const first = await joinEmbedded({ ...wanted, s3: true })
  expect(first.databaseUrl).toBeUndefined()
  const files = filesAt(first.s3Url)
  await files.put('kept.json', '{"kept":true}', json)
  files.close()
  await first.release()
  expect(await isQuiet(dir)).toBe(true)
  expect(readFileSync(join(dir, 's3/nightledger/kept.json._S3rver_object'), 'utf8')).toBe(
    '{"kept":true}',
  )

  const second = await joinEmbedded({ ...wanted, s3: true })
  expect(second.s3Url).toBe(first.s3Url)
  const again = filesAt(second.s3Url)
  const url = await again.downloadUrl('kept.json', { fileName: 'kept.json', ttlSeconds: 60 })
  expect(await (await fetch(url)).json()).toEqual({ kept: true })
  again.close()
  await second.release()
  const none = await joinEmbedded(wanted)
  expect(none.s3Url).toBeUndefined()
  await none.release()
})
