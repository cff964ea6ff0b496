import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { jobIn, refusalIn, texts, withAnalysis } from './with-analysis.ts'

test('jobs are kept over a start: they went on, their keys hold, what was canceled stays so', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'nightledger-test-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  const start = async (seconds: number, retentionSeconds = 86_400) => {
    const options = { minSeconds: seconds, maxSeconds: seconds, retentionSeconds }
    const { textMl, sandbox } = await withAnalysis({ ...options, file: join(dir, 'made', 'jobs') })
    return { textMl, close: () => sandbox.close() }
  }
  const first = await start(0)
  const done = await jobIn(await first.textMl.submit(texts('one', 'two'), 'k1'))
  const before = await jobIn(await first.textMl.get(done.id))
  await first.textMl.set({ minSeconds: 1000, maxSeconds: 1000 })
  const open = await jobIn(await first.textMl.submit(texts('three'), 'k2'))
  const canceled = await jobIn(await first.textMl.submit(texts('four')))
  await first.textMl.ask('POST', `/jobs/${canceled.id}/cancel`)
  await first.close()
  appendFileSync(join(dir, 'made', 'jobs'), '{"job":{"id":"job_ha')

  const second = await start(5)
  const after = await jobIn(await second.textMl.get(done.id))
  expect(after).toEqual({ ...before, updated_at: after['updated_at'] })
  expect((await jobIn(await second.textMl.get(open.id))).status).not.toBe('succeeded')
  expect((await jobIn(await second.textMl.get(canceled.id))).status).toBe('canceled')
  const again = await second.textMl.submit(texts('three'), 'k2')
  expect((await jobIn(again)).id).toBe(open.id)
  expect(await refusalIn(await second.textMl.submit(texts('five'), 'k1'))).toEqual([
    422,
    'idempotency_key_reused',
  ])
  await second.textMl.advance(1000)
  expect((await jobIn(await second.textMl.get(open.id))).status).toBe('succeeded')
  expect(await second.textMl.lines('/analysed?text=one')).toMatchObject([
    { accepted: 1, succeeded: 1 },
  ])
  await second.close()

  const third = await start(5, 0)
  expect((await third.textMl.get(done.id)).status).toBe(404)
  expect((await third.textMl.get(open.id)).status).toBe(200)
  const kept = readFileSync(join(dir, 'made', 'jobs'), 'utf8')
    .trim()
    .split('\n')
  expect(kept).toHaveLength(1)
})
