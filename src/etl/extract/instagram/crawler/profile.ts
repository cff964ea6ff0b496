import { Fault } from '../../../../errors.ts'
import type { ExtractTools, Page } from '../../../stream.ts'
import { pkOf } from '../record-fields.ts'
import type { ProfileAsked, StreamSeed } from '../route.ts'
import { objectOf } from './shapes.ts'
import type { Crawler } from './upstream.ts'
import { CrawlerFault } from './verdict.ts'

export type ProfileCursor =
  | { username: string; externalId?: string }
  /** The second page of a profile that is not found by its name any more; or who only has an id. */
  | { by: 'id'; externalId: string; username?: string }

/**
 * A profile by its name. Where the name leads nowhere, or to a stranger who took it, the one we know is asked for by its id:
 * it may have another name now (upstreams/instagram.md, B1).
 * @throws Fault `not_found` where there is none.
 */
export async function profilePage(
  crawler: Crawler,
  cursor: ProfileCursor,
  tools: ExtractTools,
): Promise<Page<ProfileCursor>> {
  const { username, externalId } = cursor
  const user = await askFor(crawler, cursor, tools)
  if (user !== undefined && ('by' in cursor || !externalId || pkOf(user) === externalId))
    return { records: [user], next: null }
  if (!('by' in cursor) && externalId)
    return { records: [], next: { by: 'id', externalId, ...(username && { username }) } }
  const who = [username && `named ${username}`, externalId && `of the id ${externalId}`]
  throw new Fault('not_found', `no profile ${who.filter(Boolean).join(' or ')}`, {
    service: 'instagram',
    hint: 'it was deleted, or renamed before it was read for the first time',
  })
}

async function askFor(crawler: Crawler, cursor: ProfileCursor, tools: ExtractTools) {
  const [path, query] =
    'by' in cursor
      ? ['/v1/user/by/id', { id: cursor.externalId }]
      : ['/v1/user/by/username', { username: cursor.username }]
  try {
    return await crawler.get(path, query, objectOf('user'), tools)
  } catch (error) {
    if (error instanceof CrawlerFault && error.kind === 'not_found') return undefined
    throw error
  }
}

export function profileSeed({ username, externalId }: ProfileAsked): StreamSeed {
  const cursor: ProfileCursor = { username, ...(externalId && { externalId }) }
  return { subject: username, cursor }
}
