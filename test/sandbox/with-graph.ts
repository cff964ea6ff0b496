import type { Instagram, StateRow } from './with-instagram.ts'

export type Item = {
  id: string
  shortcode?: string
  timestamp?: string
  like_count?: number
  media_type?: string
  media_product_type?: string
  text?: string
  children?: { data: { id: string }[] }
  comments?: Edge
}
export type Edge = {
  data: Item[]
  paging?: { cursors: { before?: string; after?: string }; next?: string; previous?: string }
}
type GraphError = { error: { code: number; error_subcode?: number } }

export const options = { postsPerProfile: 60, commentsPerPost: { min: 0, max: 130, skew: 2 } }

export async function parse<T>(response: Response): Promise<T> {
  return JSON.parse(await response.text())
}

export async function errorOf(response: Response): Promise<[number, number, number | undefined]> {
  const { error } = await parse<GraphError>(response)
  return [response.status, error.code, error.error_subcode]
}

/** The account that the usual token owns, and another professional one. */
export async function accounts(client: Instagram): Promise<{ own: StateRow; other: StateRow }> {
  const fit = (await client.state('profiles')).filter(
    (row) => row.status === 'public' && row.account_type !== 1,
  )
  const [own, other] = fit
  if (own === undefined || other === undefined) throw new Error('too few professionals')
  return { own, other }
}

/** Follows `paging.next` to its end. */
export async function follow(client: Instagram, path: string): Promise<Item[]> {
  const items: Item[] = []
  let response = await client.graph(path)
  for (;;) {
    const edge = await parse<Edge>(response)
    items.push(...edge.data)
    if (edge.paging?.next === undefined) return items
    response = await fetch(edge.paging.next, {
      headers: { authorization: 'Bearer sandbox-graph-token' },
    })
  }
}
