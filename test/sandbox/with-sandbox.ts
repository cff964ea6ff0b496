import { onTestFinished } from 'vitest'
import type { AmocrmOptions } from '../../sandbox/amocrm/options.ts'
import { startSandbox } from '../../sandbox/server.ts'

export type Entity = {
  id: number
  name: string
  created_at: number
  updated_at: number
  is_deleted: boolean
  responsible_user_id: number
  custom_fields_values: unknown[] | null
  _embedded: { companies?: { id: number }[]; contacts?: { id: number }[] }
}
export type Note = { id: number; entity_id: number; note_type: string; updated_at: number }
export type Row = { entity_id?: number; to_entity_id: number; to_entity_type: string }
type Body = {
  _page: number
  _total_items?: number
  _links: { self: { href: string }; next?: { href: string } }
  _embedded: { contacts?: Entity[]; companies?: Entity[]; notes?: Note[]; links?: Row[] }
}
export type StateLine = Entity & Note & { kind: string; listed: boolean; entity_type?: string }
export type LogLine = {
  n: number
  at: number
  path: string
  query: string
  status: number | null
  ms: number | null
  ids: number
  rows: number
  inFlight: number
}

/** A small fast world without limits, unless asked otherwise. Stopped when the test ends. */
export async function withSandbox(options: Partial<AmocrmOptions> = {}) {
  const quick = { latencyMs: 0, perSecond: 1_000_000, accountPerSecond: 1_000_000 }
  const sandbox = await startSandbox({
    amocrm: { companies: 40, contacts: 600, ...quick, ...options },
  })
  onTestFinished(() => sandbox.close())

  const get = (path: string, token = 'sandbox-token') =>
    fetch(`${sandbox.baseUrls.amocrm}${path}`, { headers: { authorization: `Bearer ${token}` } })
  const admin = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${sandbox.url}/_sandbox${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return { status: response.status, text: await response.text() }
  }
  const lines = async <T>(path: string): Promise<T[]> => {
    const { text } = await admin('GET', path)
    return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
  }
  return { sandbox, get, admin, lines, state: () => lines<StateLine>('/amocrm/state') }
}

export type Client = Awaited<ReturnType<typeof withSandbox>>

/** The body of a list, its parts under names that read well. */
export async function page(response: Response) {
  const body: Body = JSON.parse(await response.text())
  const { _page: number, _total_items: total, _links: links, _embedded: embedded } = body
  const { contacts = [], companies = [], notes = [], links: rows = [] } = embedded
  return { number, total, next: links.next?.href, contacts, companies, notes, rows }
}

export function companyOf({ _embedded: embedded }: Entity): number | undefined {
  return embedded.companies?.[0]?.id
}

/** Ids of the contacts embedded in a company; undefined where there is no such list. */
export function membersOf({ _embedded: embedded }: Entity): number[] | undefined {
  return embedded.contacts?.map(({ id }) => id)
}

/** Follows the pages of a contacts list by number, to the first 204. */
export async function allContacts(client: Client, query: string): Promise<Entity[]> {
  const found: Entity[] = []
  for (let number = 1; ; number++) {
    const response = await client.get(`/api/v4/contacts?${query}&page=${number}`)
    if (response.status === 204) return found
    found.push(...(await page(response)).contacts)
  }
}

/** Asks again until it is so, for 5 s at most. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 5000
  while (!(await condition())) {
    if (Date.now() > end) throw new Error('the condition did not come true in 5 s')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

export const ids = (records: readonly { id: number }[]): number[] => records.map(({ id }) => id)
export const sorted = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b)
