import { onTestFinished } from 'vitest'
import { startHttp } from '../../../src/http/server.ts'
import { open } from '../../../src/open.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'

export const token = 'a-token-of-the-tests'

/** The page, served in this process on a database of its own. */
export async function servePage(env: Record<string, string> = {}, given?: TestDatabase) {
  const database = given ?? (await createDatabase())
  const opened = await open(
    { name: 'test', logLevel: 'silent' },
    { DATABASE_URL: database.url, API_TOKEN: token, HTTP_PORT: '0', ...env },
  )
  const http = await startHttp(opened)
  onTestFinished(async () => {
    await http.close()
    await opened.close()
  })
  return { url: http.url, http, db: database.db, database, opened }
}

/** Logs in without a browser: the cookie to send along. */
export async function cookieOf(url: string, name = 'anna'): Promise<string> {
  const answer = await fetch(`${url}/login`, {
    method: 'POST',
    body: new URLSearchParams({ name, token }),
    redirect: 'manual',
  })
  const cookie = answer.headers.get('set-cookie')?.split(';', 1)[0]
  if (answer.status !== 303 || !cookie) throw new Error(`no login: ${answer.status}`)
  return cookie
}
