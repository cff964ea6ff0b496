import { existsSync } from 'node:fs'
import path from 'node:path'
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'
import { afterAll, onTestFinished } from 'vitest'
import { token } from './served.ts'

const names = ['chromium', 'chromium-browser', 'google-chrome']

/** @throws where there is none: a page that nobody looked at is not tested, so this is never passed over. */
function findChromium(): string {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter)
  const places = names.flatMap((name) => folders.map((folder) => path.join(folder, name)))
  const found = [process.env['CHROMIUM'] ?? '', ...places].find((place) => existsSync(place))
  if (found) return found
  throw new Error(
    'no Chromium for the tests of the page: apt-get install chromium, or name one in CHROMIUM',
  )
}

let browser: Promise<Browser> | undefined

/** One browser for all tests of a file. */
async function open(): Promise<Browser> {
  browser ??= chromium.launch({
    executablePath: findChromium(),
    // The tests may run as root and in small containers.
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  })
  return await browser
}

export function useBrowser(): void {
  afterAll(async () => {
    await (await browser)?.close()
    browser = undefined
  })
}

export interface Looked {
  page: Page
  /** Addresses of other hosts that the page asked, and what it wrote to the console as errors. */
  foreign: string[]
  complaints: string[]
}

/** A page of its own session, closed when the test has finished. */
export async function look(url: string, options: BrowserContextOptions = {}): Promise<Looked> {
  const context = await (await open()).newContext({
    viewport: { width: 1280, height: 800 },
    ...options,
  })
  onTestFinished(() => context.close())
  context.setDefaultTimeout(30_000)
  const page = await context.newPage()
  const looked: Looked = { page, foreign: [], complaints: [] }
  page.on('request', (request) => {
    if (new URL(request.url()).host !== new URL(url).host) looked.foreign.push(request.url())
  })
  page.on('console', (message) => {
    if (message.type() === 'error') looked.complaints.push(message.text())
  })
  page.on('pageerror', (error) => looked.complaints.push(String(error)))
  return looked
}

/** Through the form, as a person does. */
export async function logIn(page: Page, address: string, name = 'anna'): Promise<void> {
  await page.goto(address)
  await page.fill('[name=name]', name)
  await page.fill('[name=token]', token)
  await page.click('button:has-text("Log in")')
  await page.waitForSelector('main[data-live]')
}
