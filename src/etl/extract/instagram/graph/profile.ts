import { z } from 'zod'
import { Fault } from '../../../../errors.ts'
import type { ExtractTools, Page } from '../../../stream.ts'
import type { ProfileAsked, StreamSeed } from '../route.ts'
import { withFields } from './edge.ts'
import { GraphFault } from './errors.ts'
import { ownAccounts } from './own-accounts.ts'
import type { Graph } from './upstream.ts'

export interface ProfileCursor {
  username: string
}

const profileFields = {
  needed: ['id', 'username'],
  wanted: [
    'name',
    'biography',
    'website',
    'followers_count',
    'follows_count',
    'media_count',
    'profile_picture_url',
  ],
}

const object = z.record(z.string(), z.unknown())
const own = { due: 'a profile', shape: object }
const discovered = {
  due: 'a profile by discovery',
  shape: z.looseObject({ business_discovery: object }),
}

/**
 * A profile: one's own by itself, another professional one through `business_discovery` on one's own.
 * @throws Fault `not_found` where that finds nobody: it knows no personal accounts (upstreams/instagram.md, A1).
 */
export async function profilePage(
  graph: Graph,
  { username }: ProfileCursor,
  tools: ExtractTools,
): Promise<Page<ProfileCursor>> {
  const accounts = await ownAccounts(graph, tools)
  const mine = accounts.find((account) => account.username === username.toLowerCase())
  const record = await withFields(graph, 'profile', profileFields, async (asked) => {
    if (mine) return await graph.get(`/${mine.id}`, { fields: asked }, own, tools)
    const query = { fields: discovery(username, asked) }
    const asking = graph.get(`/${accounts[0].id}`, query, discovered, tools)
    return (await asking.catch(orNobody(username))).business_discovery
  })
  return { records: [record], next: null }
}

/** What is asked for of another's account. @throws Fault `not_found` where the name is none, and would say something else in the query. */
export function discovery(username: string, fields: string): string {
  if (!/^[\w.]{1,100}$/.test(username)) throw nobody(username)
  return `business_discovery.username(${username}){${fields}}`
}

export const orNobody = (username: string) => (error: unknown) => {
  throw error instanceof GraphFault && error.kind === 'not_found' ? nobody(username) : error
}

function nobody(username: string): Fault {
  return new Fault('not_found', `no professional account named ${username}`, {
    service: 'instagram',
    hint: 'the official API gives no personal and no age-gated accounts: the crawler may find it',
  })
}

export function profileSeed({ username }: ProfileAsked): StreamSeed {
  const cursor: ProfileCursor = { username }
  return { subject: username, cursor }
}
