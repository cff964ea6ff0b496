import { setTimeout } from 'node:timers/promises'
import type { BenchSandbox } from './servers.ts'

interface Contact {
  id: number
  _embedded: { companies: { id: number }[] }
}

/**
 * The way the project began with (its seed): all pages of contacts, 250 each, with a filter by company that the API does not
 * have and ignores; one request after the other, 7 a second at most; filtered on this side once all is there.
 */
export async function readSeedsWay(sandbox: BenchSandbox, companyIds: readonly number[]) {
  const { amocrm, token } = sandbox
  await sandbox.takeStats()
  const filter = companyIds.map((id) => `filter[company_id][]=${id}`).join('&')
  const begun = performance.now()
  const all: Contact[] = []
  for (let page = 1; ; page++) {
    const sent = performance.now()
    const answer = await fetch(`${amocrm}/api/v4/contacts?${filter}&limit=250&page=${page}`, {
      headers: { authorization: `Bearer ${token}` },
    })
    if (answer.status === 204) break
    if (answer.status !== 200) throw new Error(`page ${page}: ${answer.status}`)
    const body: { _links: { next?: object }; _embedded: { contacts: Contact[] } } = JSON.parse(
      await answer.text(),
    )
    all.push(...body._embedded.contacts)
    if (!body._links.next) break
    await setTimeout(Math.max(0, 1000 / 7 - (performance.now() - sent)))
  }
  const wanted = new Set(companyIds)
  const rows = all.filter((contact) => wanted.has(contact._embedded.companies[0]?.id ?? 0)).length
  const seconds = Number(((performance.now() - begun) / 1000).toFixed(2))
  return { requests: (await sandbox.takeStats()).requests, seconds, rows }
}
