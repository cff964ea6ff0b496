import { accountInsights } from './account-insights.ts'
import { commentNode, commentsEdge, repliesEdge } from './comment-node.ts'
import { askedByQuery, edgePage } from './edge.ts'
import { refuse, unknownObject } from './errors.ts'
import { type Found, findObject } from './find.ts'
import { mediaInsights } from './insights.ts'
import { childrenOf, mediaNode } from './media-node.ts'
import { ownedBy } from './owned.ts'
import { pages, pageNode } from './pages.ts'
import { type Node, project } from './project.ts'
import { mediaEdge, storiesEdge, userNode } from './user-node.ts'
import type { Visit } from './visit.ts'

/** `/{id}`, `/{id}/{edge}` and `/me/accounts`, the version taken off. */
export function visitEndpoint(path: string, visit: Visit): object {
  const [id = '', edge, more] = path.split('/').slice(1)
  if (more !== undefined || id === '') return unknownPath(path)
  if (id === 'me') return edge === 'accounts' ? pages(visit) : unknownPath(path)
  const page = edge === undefined ? pageNode(visit, id) : undefined
  if (page !== undefined) return tell(visit, page)
  const found = findObject(visit, id)
  return edge === undefined ? tell(visit, nodeOf(visit, found)) : edgeOf(visit, found, edge)
}

/** Which limit a call counts against: discovery and pages are the app's (A3). */
export function accountCharged(path: string, { world, token, params }: Visit): number | null {
  const isApp = path.startsWith('/me') || params.get('fields')?.includes('business_discovery')
  return isApp === true ? null : (ownedBy(world, token)[0] ?? null)
}

function tell(visit: Visit, node: Node): object {
  return project(node, askedByQuery(visit).fields)
}

function nodeOf(visit: Visit, found: Found): Node {
  if (found.kind === 'user') return userNode(visit, found.profile)
  if (found.kind === 'media') return mediaNode(visit, found.media, true)
  return commentNode(visit, found.thread, found.comment, found.parent)
}

function edgeOf(visit: Visit, found: Found, edge: string): object {
  const asked = askedByQuery(visit)
  if (found.kind === 'user') {
    const { profile } = found
    if (edge === 'media') return edgePage(visit, mediaEdge(visit, profile, true), asked)
    if (edge === 'stories') return edgePage(visit, storiesEdge(visit, profile), asked)
    if (edge === 'insights') return accountInsights(visit, profile)
  }
  if (found.kind === 'media') {
    const { media } = found
    if (edge === 'comments') return edgePage(visit, commentsEdge(visit, media), asked)
    if (edge === 'insights') return mediaInsights(visit, media)
    if (edge === 'children') return childrenOf(visit, media, asked) ?? { data: [] }
  }
  if (found.kind === 'comment' && edge === 'replies') {
    return edgePage(visit, repliesEdge(visit, found.thread, found.comment), asked)
  }
  return refuse(100, undefined, `(#100) Tried accessing nonexisting field (${edge})`)
}

const unknownPath = (path: string): never => unknownObject(path.slice(1))
