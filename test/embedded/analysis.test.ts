import { expect, test } from 'vitest'
import { open } from '../../src/open.ts'
import { jobIn, texts } from '../sandbox/with-analysis.ts'
import { createDatabase } from '../support/database.ts'
import { isQuiet, temporaryDir } from './embedded-helpers.ts'

const options = { name: 'test', upstreams: true }

test('the sandbox stands in for the services that analyse, where it is asked for; one that is set stays; jobs outlive the command', async () => {
  const [{ url }, dir] = [await createDatabase(), temporaryDir()]
  const env = { DATABASE_URL: url, LOCAL_DIR: dir, LOG_LEVEL: 'silent', SANDBOX: '1' }
  const usual = await open(options, env)
  const { VISION_BASE_URL: vision, TEXT_ML_BASE_URL: textMl } = usual.settings
  expect([vision, textMl].map((baseUrl) => URL.parse(baseUrl ?? '')?.pathname)).toEqual([
    '/vision',
    '/text-ml',
  ])
  const headers = { authorization: `Bearer ${usual.settings.VISION_API_KEY}` }
  const can = await (await fetch(`${vision}/v1/capabilities`, { headers })).json()
  expect(can).toMatchObject({ kinds: { image: ['labels', 'faces', 'text'] } })
  const job = await jobIn(
    await fetch(`${textMl}/v1/jobs`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(texts('Love it')),
    }),
  )

  const own = await open(options, {
    ...env,
    VISION_API: 'replicate',
    TEXT_ML_BASE_URL: 'https://text.example.com',
  })
  expect(own.settings.VISION_BASE_URL).toBe(vision?.replace('/vision', '/replicate'))
  expect(own.settings.VISION_MODEL).toMatch(/^[0-9a-f]{64}$/)
  expect(own.settings.TEXT_ML_BASE_URL).toBe('https://text.example.com')
  expect(own.settings.TEXT_ML_API_KEY).toBeUndefined()
  await Promise.all([usual.close(), own.close()])
  expect(await isQuiet(dir)).toBe(true)

  // The next command still finds what this one handed over.
  const next = await open(options, env)
  const address = `${next.settings.TEXT_ML_BASE_URL}/v1/jobs/${job.id}`
  expect((await jobIn(await fetch(address, { headers }))).created_at).toBe(job.created_at)
  await next.close()
})

test('nothing is simulated beside a database of one’s own', async () => {
  const { url } = await createDatabase()
  const opened = await open(options, { DATABASE_URL: url, LOG_LEVEL: 'silent' })
  const { settings } = opened
  await opened.close()
  expect([settings.VISION_BASE_URL, settings.TEXT_ML_BASE_URL]).toEqual([undefined, undefined])
})
