import { z } from 'zod'
import { Fault } from '../../../../errors.ts'
import type { ExtractTools } from '../../../stream.ts'
import { GraphFault } from './errors.ts'
import type { Graph } from './upstream.ts'

const paging = z
  .looseObject({
    cursors: z.looseObject({ after: z.string().optional() }).optional(),
    next: z.string().optional(),
  })
  .optional()

/** The shape of a list, under a node or inside one. */
export const edge = z.looseObject({ data: z.array(z.unknown()), paging })
export type Edge = z.output<typeof edge>

/**
 * Asks for a page of an edge. It ends where no `paging.next` comes, not at an empty page (upstreams/instagram.md, A3); that
 * address itself is not followed, since a token may stand in it.
 */
export async function getEdge(
  graph: Graph,
  path: string,
  query: Record<string, string | undefined>,
  tools: ExtractTools,
): Promise<{ records: unknown[]; next: string | null }> {
  const { data, paging: links } = await graph.get(
    path,
    query,
    { due: 'a list with its paging', shape: edge },
    tools,
  )
  return { records: data, next: cursorOf(links, `GET ${path}`) }
}

export function cursorOf(links: Edge['paging'], call: string): string | null {
  if (!links?.next) return null
  const after = links.cursors?.after ?? afterIn(links.next)
  if (after) return after
  throw new Fault('bad_answer', `${call}: another page was announced, but without a cursor`, {
    service: 'instagram',
  })
}

function afterIn(address: string): string | null {
  return URL.canParse(address) ? new URL(address).searchParams.get('after') : null
}

/**
 * Asks for records with those of the fields that this version of the API has: which it knows differs (A2), and one that it
 * refuses would cost all the others. It is left out from then on.
 */
export async function withFields<T>(
  graph: Pick<Graph, 'known'>,
  list: string,
  fields: { needed: readonly string[]; wanted: readonly string[] },
  ask: (fields: string) => Promise<T>,
): Promise<T> {
  const asked = fields.wanted.filter((field) => !graph.known.refused.has(`${list}.${field}`))
  try {
    return await ask([...fields.needed, ...asked].join(','))
  } catch (error) {
    const refused = error instanceof GraphFault && error.code === 100 && nameIn(error.message)
    const field = asked.find((one) => one.split(/[.{]/)[0] === refused)
    if (field === undefined) throw error
    graph.known.refused.add(`${list}.${field}`)
    return await withFields(graph, list, fields, ask)
  }
}

const nameIn = (message: string) => /nonexisting field \((\w+)\)/.exec(message)?.[1]
