import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { analysisWorld } from './support/world.ts'

const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/analysis.md'), 'utf8')
const blocks = [...page.matchAll(/^```sql\n([^]*?)^```/gm)].map(([, text = '']) => text)

test('each query of docs/analysis.md answers what it says', async () => {
  const world = await analysisWorld({ service: { failShare: 0.2 } })
  await world.run('instagram', { usernames: await world.usernames() })
  await world.settle()
  const [post] = await world.rows<{ shortcode: string }>(
    `select shortcode from posts p join media_analysis a on a.media_key = 'instagram/' || p.external_id limit 1`,
  )
  expect(blocks).toHaveLength(5)
  const [photos, comments, out, again, update] = blocks.map((text) =>
    text.replace('C0000000001', post?.shortcode ?? ''),
  )
  expect(await world.rows(photos ?? '')).not.toEqual([])
  expect(await world.rows(comments ?? '')).toHaveLength(20)
  expect(await world.rows(again ?? '')).toBeInstanceOf(Array)
  await world.rows(update ?? '')
  expect(await world.rows(out ?? '')).not.toEqual([])
  await world.rows('delete from ledger.analysis_tasks')
  await world.run('replay', { source: 'instagram' })
  expect(await world.tasks()).toMatchObject({ 'text waiting': expect.any(Number) })
})
