import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { readOnlyQuery } from '../../src/cli/ledger/read-only-query.ts'
import { createDatabase } from '../support/database.ts'

const read = (file: string) =>
  readFileSync(path.resolve(import.meta.dirname, '../..', file), 'utf8')
const page = read('docs/operations.md')
const namesOf = (found: Iterable<RegExpMatchArray>) =>
  Array.from(found, ([, name = '']) => name).toSorted()

test('each query of docs/operations.md and docs/erasing.md can be asked', async () => {
  const { pool } = await createDatabase()
  const blocks = [...page.matchAll(/^ *```sql\n([^]*?)^ *```/gm)].map(([, text = '']) => text)
  const commands = `${page}${read('docs/erasing.md')}`
  const asked = [...commands.matchAll(/ledger -- sql "([^"]+)"/g)].map(([, text = '']) => text)
  expect(blocks.length + asked.length).toBeGreaterThan(7)
  for (const text of [...blocks, ...asked])
    expect(await readOnlyQuery(pool, text, { seconds: 10, rows: 100 })).toBeDefined()
})

test('it says what to do for each alert', () => {
  const alerts = namesOf(read('docs/prometheus/nightledger.rules.yml').matchAll(/alert: (\w+)/g))
  const headings = namesOf(page.matchAll(/^### (Nightledger\w+)$/gm))
  expect(headings).toEqual(alerts)
})

test('image and unit start what npm start starts, and compose names settings that there are', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: { start: string } }
  const [, ...start] = scripts.start.split(' ')
  const [, entry = ''] = /^ENTRYPOINT (\[.*\])$/m.exec(read('Dockerfile')) ?? []
  expect(JSON.parse(entry)).toEqual(['node', ...start])
  const unit = read('deploy/nightledger.service')
  expect(/^ExecStart=(.+)$/m.exec(unit)?.[1]).toBe(
    `/opt/nightledger/node_modules/.bin/node ${start.join(' ')}`,
  )
  const [, app = ''] = /^ {2}app:\n([^]*?)^ {2}\w/m.exec(read('compose.yaml')) ?? []
  const named = [...app.matchAll(/^ {6}([A-Z_]+):/gm)].map(([, name = '']) => name)
  expect(named).toContain('DATABASE_URL')
  const settings = read('src/settings.ts')
  for (const name of named) expect(settings).toContain(`  ${name}: `)
})
