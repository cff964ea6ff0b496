import { onTestFinished } from 'vitest'
import type { AmocrmOptions } from '../../sandbox/amocrm/options.ts'
import { startSandbox } from '../../sandbox/server.ts'

/** Lifts the sandbox's limits, for tests that are not about them. */
export const unlimited = { latencyMs: 0, perSecond: 100_000, accountPerSecond: 100_000 }

/** Simulated upstreams for one test, small and fast unless asked otherwise, with the settings that name them. */
export async function startTestSandbox(amocrm: Partial<AmocrmOptions> = {}) {
  const options = { companies: 40, contacts: 600, ...unlimited, ...amocrm }
  const sandbox = await startSandbox({ amocrm: options })
  onTestFinished(() => sandbox.close())
  const admin = async (method: string, path: string, body?: unknown) => {
    const answer = await fetch(`${sandbox.url}/_sandbox${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
    return text
  }
  return {
    url: sandbox.url,
    env: {
      AMOCRM_BASE_URL: sandbox.baseUrls.amocrm,
      AMOCRM_ACCESS_TOKEN: options.token ?? 'sandbox-token',
      AMOCRM_REQUESTS_PER_SECOND: String(Math.min(options.perSecond, 1000)),
    },
    admin,
    /** How many requests it was asked so far. */
    requests: async () => (await admin('GET', '/log')).split('\n').filter(Boolean).length,
  }
}
