import { readFile } from 'node:fs/promises'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { instagramWorld } from './support/world.ts'

test('each statement of docs/instagram.md can be run', async () => {
  const { db, newNight, usernames } = await instagramWorld({ profiles: 2, privatePercent: 100 })
  await newNight({ usernames: [...(await usernames()), 'nobody'], parts: ['profile', 'posts'] })
  const text = await readFile('docs/instagram.md', 'utf8')
  const statements = [...text.matchAll(/```sql\n(.*?)```/gs)].flatMap(([, block = '']) =>
    block.split(/;\n/).filter((statement) => statement.trim() !== ''),
  )
  const rows = []
  for (const statement of statements) rows.push((await sql.raw(statement).execute(db)).rows)
  expect(rows).toHaveLength(6)
  expect(rows[2]).toEqual([{ subject: 'nobody', reason: expect.stringContaining('no profile') }])
  expect(rows[4]).toEqual([{ operation: 'posts', reason: 'the profile is private', count: 2 }])
})
