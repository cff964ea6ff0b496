import { expect, test } from 'vitest'
import { stopGently, untilReady } from '../engine/support/workers.ts'
import { createDatabase } from '../support/database.ts'
import { startProgram } from '../support/program.ts'

test('npm start names a schedule that no job has, and starts all the same', async () => {
  const { url } = await createDatabase()
  const program = startProgram('src/main.ts', ['--only', 'scheduler'], {
    DATABASE_URL: url,
    SCHEDULE_CRM_CONTACT: '0 4 * * *',
    LOG_LEVEL: 'info',
  })
  await untilReady(program)
  expect(program.output()).toContain('SCHEDULE_CRM_CONTACT: there is no such job')
  expect((await stopGently(program)).code).toBe(0)
})
