import { Pool } from 'undici'

type Media = { id: string; comment_count?: number }

/** Fetches what a sync of a profile's posts and comments fetches, in the same order and as many at a time, and throws it away. */
export async function fetchInstagram(baseUrl: string, username: string, parallel: number) {
  const { origin, pathname } = new URL(baseUrl)
  const pool = new Pool(origin, { connections: parallel })
  let pages = 0
  const get = async <Shape>(path: string): Promise<Shape> => {
    const headers = { 'x-access-key': 'sandbox-key' }
    const answer = await pool.request({ path: `${pathname}${path}`, method: 'GET', headers })
    const text = await answer.body.text()
    if (answer.statusCode !== 200) throw new Error(`${path}: ${answer.statusCode}`)
    pages++
    return JSON.parse(text) as Shape
  }
  const begun = performance.now()
  const { pk } = await get<{ pk: string }>(`/v1/user/by/username?username=${username}`)
  const posts: string[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query: string = `user_id=${pk}&end_cursor=${encodeURIComponent(cursor)}`
    const [media, next]: [Media[], string | null] = await get(`/v1/user/medias/chunk?${query}`)
    for (const { id, comment_count: count } of media)
      if (count !== 0) posts.push(id.split('_')[0] ?? '')
    cursor = next
  }
  const readOn = async () => {
    for (let id = posts.pop(); id !== undefined; id = posts.pop()) {
      for (let cursor: string | null = ''; cursor !== null; ) {
        const query: string = `id=${id}${cursor && `&page_id=${encodeURIComponent(cursor)}`}`
        const page: { next_page_id: string | null } = await get(`/v2/media/comments?${query}`)
        cursor = page.next_page_id
      }
    }
  }
  await Promise.all(Array.from({ length: parallel }, readOn))
  const seconds = (performance.now() - begun) / 1000
  await pool.close()
  return { pages, seconds }
}
