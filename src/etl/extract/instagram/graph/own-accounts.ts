import { z } from 'zod'
import { Fault } from '../../../../errors.ts'
import type { ExtractTools } from '../../../stream.ts'
import { getEdge } from './edge.ts'
import { GraphFault } from './errors.ts'
import type { Graph } from './upstream.ts'

/** A professional account that the token may read as its own. */
export interface OwnAccount {
  id: string
  /** In lower case. */
  username: string
}

const believedMs = 3_600_000

const withId = z.looseObject({ id: z.string() })
const page = {
  due: 'a page',
  shape: z.looseObject({ instagram_business_account: withId.nullish() }),
}
const account = {
  due: 'an account',
  shape: z.looseObject({ id: z.string(), username: z.string() }),
}

/**
 * The accounts of the token, through the pages they belong to (upstreams/instagram.md, A1), or its only one, where the token
 * is that of a page or of an account. Asked once an hour by a process.
 * @throws Fault `settings` where there is none: even others' profiles are asked for through one's own account.
 */
export async function ownAccounts(
  graph: Graph,
  tools: ExtractTools,
): Promise<[OwnAccount, ...OwnAccount[]]> {
  const { known } = graph
  if (!known.own || known.own.until < Date.now()) {
    const accounts = await askForAccounts(graph, tools)
    known.own = { accounts, until: Date.now() + (accounts.length > 0 ? believedMs : 0) }
  }
  const [first, ...others] = known.own.accounts
  if (first) return [first, ...others]
  const message = 'INSTAGRAM_ACCESS_KEY: the token is for no professional Instagram account'
  throw new Fault('settings', message, {
    service: 'instagram',
    hint: 'connect one to a Facebook page of the token’s user, with the rights instagram_basic and pages_show_list',
  })
}

/** The account of that name, where it is one's own. */
export async function ownAccount(
  graph: Graph,
  username: string,
  tools: ExtractTools,
): Promise<OwnAccount | undefined> {
  const accounts = await ownAccounts(graph, tools)
  return accounts.find((own) => own.username === username.toLowerCase())
}

async function askForAccounts(graph: Graph, tools: ExtractTools): Promise<OwnAccount[]> {
  const ids = new Set<string>()
  for (const pageId of await pagesOfToken(graph, tools)) {
    const asked = graph.get(`/${pageId}`, { fields: 'instagram_business_account' }, page, tools)
    const found = await asked.catch(orNothing)
    if (found?.instagram_business_account) ids.add(found.instagram_business_account.id)
  }
  const accounts: OwnAccount[] = []
  // An account's own token names it as `me`.
  for (const id of ids.size > 0 ? ids : ['me']) {
    const asked = graph.get(`/${id}`, { fields: 'id,username' }, account, tools)
    const found = await asked.catch(orNothing)
    if (found) accounts.push({ id: found.id, username: found.username.toLowerCase() })
  }
  return accounts
}

/** A page's own token has no pages, but is asked for its account likewise. */
async function pagesOfToken(graph: Graph, tools: ExtractTools): Promise<string[]> {
  const ids: string[] = []
  for (let after: string | undefined; ; ) {
    const asked = getEdge(graph, '/me/accounts', { fields: 'id', limit: '100', after }, tools)
    const list = await asked.catch(orNothing)
    const pages = z.array(withId).safeParse(list?.records).data ?? []
    ids.push(...pages.map(({ id }) => id))
    if (!list?.next || list.next === after) return ids.length > 0 ? ids : ['me']
    after = list.next
  }
}

/** What the token may not see, or is not made for. */
function orNothing(error: unknown): undefined {
  const kinds = ['bad_request', 'forbidden', 'not_found']
  if (error instanceof GraphFault && kinds.includes(error.kind)) return undefined
  throw error
}
