import { expect, test } from 'vitest'
import { runProgram } from '../support/program.ts'

test('wrong parameters: one line that says what was expected, and 2; without asking anybody', async () => {
  // Nothing listens there: input is read before anything is opened.
  const env = { DATABASE_URL: 'postgres://me@127.0.0.1:1/none' }
  const wrong: [params: object, line: RegExp][] = [
    [{ parts: ['post'] }, /^parameters of instagram: parts\.0: .*"posts"/],
    [{ parts: [] }, /^parameters of instagram: parts: /],
    [{ usernames: ['good.one', 'not a name'] }, /: usernames\.1: must be the name of a profile$/],
    [{ usernames: [] }, /^parameters of instagram: usernames: /],
    [{ users: ['good.one'] }, /^parameters of instagram: Unrecognized key: "users"$/],
    [{ parallel: 0 }, /^parameters of instagram: parallel: /],
  ]
  for (const [params, line] of wrong) {
    const args = ['instagram', '--params', JSON.stringify(params)]
    const { code, output } = await runProgram('src/cli/job.ts', args, env)
    const lines = output.split('\n').filter(Boolean)
    expect([code, lines[0]]).toEqual([2, expect.stringMatching(line)])
    expect(lines[1]).toMatch(/^expected \{usernames\?: string\[\], parts\?: /)
    expect(lines).toHaveLength(2)
  }
})
