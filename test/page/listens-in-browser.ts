import { expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { logIn, look } from './support/browser.ts'
import { servePage } from './support/served.ts'

test('after an answer that is none the page listens again; where the session is over, it asks for a login', async () => {
  const { url, db } = await servePage()
  const { page } = await look(url)
  let asked = 0
  await page.route('**/live', async (route) => {
    if (++asked > 2) await route.continue()
    else await route.fulfill({ status: asked === 1 ? 503 : 500 })
  })
  await logIn(page, url)
  await page.waitForSelector('html.stale', { state: 'attached' })
  await page.waitForSelector('html:not(.stale)', { state: 'attached' })
  expect(asked).toBe(3)

  await db.deleteFrom('ledger.page_sessions').execute()
  await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`)
  await until('it is led to the login', () => new URL(page.url()).pathname === '/login')
})
