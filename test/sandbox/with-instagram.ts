import { onTestFinished } from 'vitest'
import type { InstagramOptions } from '../../sandbox/instagram/options.ts'
import { startSandbox } from '../../sandbox/server.ts'

export type User = { pk: string; id: string; username: string; is_private: boolean }
export type Media = {
  pk: string
  id: string
  code: string
  taken_at: string
  taken_at_ts: number
  media_type: number
  product_type: string
  caption_text: string
  like_count: number
  comment_count: number
  comments_disabled: boolean
  like_and_view_counts_disabled: boolean
  thumbnail_url: string
  user: User
  resources: { pk: string; media_type: number; thumbnail_url: string }[]
}
export type Comment = {
  pk: string
  text: string
  user: User
  created_at: number
  is_pinned: boolean
  child_comment_count: number
  preview_child_comments: Comment[]
  parent_comment_id?: string
}
export type StateRow = {
  kind: string
  pk: string
  graph_id: string
  number: number
  username: string
  former_username: string | null
  status: string
  account_type: number
  media_count: number
  follower_count: number
  code: string
  user_pk: string
  media_pk: string
  of_pk: string
  parent_pk: string | null
  product_type: string
  taken_at: number
  in_feed: boolean
  in_clips: boolean
  is_trial: boolean
  is_pinned: boolean
  likes_hidden: boolean
  like_count: number
  comment_count: number
  top_level_comments: number
  comments_disabled: boolean
  item_pks: string[]
}

/** Fast and small, so that every list has an end soon. */
const quick = { latencyMs: 0, perSecond: 1_000_000, profiles: 20, crowd: 300 }

/** The simulated Instagram alone on its server, without limits unless asked. Stopped with the test. */
export async function withInstagram(options: Partial<InstagramOptions> = {}) {
  const sandbox = await startSandbox({
    amocrm: { companies: 1, contacts: 1 },
    instagram: { ...quick, ...options },
  })
  onTestFinished(() => sandbox.close())
  const { instagram, graph: graphUrl } = sandbox.baseUrls

  const get = (path: string, key = 'sandbox-key') =>
    fetch(`${instagram}${path}`, { headers: { 'x-access-key': key } })
  const admin = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${sandbox.url}/_sandbox${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return { status: response.status, text: await response.text() }
  }
  return {
    sandbox,
    get,
    admin,
    /** The body of a 200, numbers beyond 2^53 as strings. */
    read: async <T>(path: string) => read<T>(await get(path)),
    graph: (path: string, token = 'sandbox-graph-token') =>
      fetch(`${graphUrl}${path}`, { headers: { authorization: `Bearer ${token}` } }),
    state: async (kind: string, profile?: string): Promise<StateRow[]> => {
      const of = profile === undefined ? '' : `&profile=${profile}`
      const { text } = await admin('GET', `/instagram/state?kind=${kind}${of}`)
      return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
    },
    settings: (patch: object) => admin('PATCH', '/instagram/settings', patch),
    fault: async (...faults: object[]) => {
      const { status, text } = await admin('POST', '/instagram/faults', faults)
      if (status !== 200) throw new Error(text)
    },
    change: async (...changes: object[]): Promise<{ pk: string; skipped?: string }[]> => {
      const { status, text } = await admin('POST', '/instagram/changes', { changes })
      if (status !== 200) throw new Error(text)
      return JSON.parse(text).applied
    },
  }
}

export type Instagram = Awaited<ReturnType<typeof withInstagram>>

export async function read<T>(response: Response): Promise<T> {
  const text = await response.text()
  if (response.status !== 200) throw new Error(`${response.status} ${response.url}: ${text}`)
  return JSON.parse(text.replaceAll(/([:[,])(\d{16,})(?=[,}\]])/g, '$1"$2"'))
}
