/**
 * How many pages a stream has left at most, where its cursor tells: `pages`, or the `ids` or `posts` that are still to be asked for,
 * `size` at a time. Cursors that only say where they go on tell nothing: undefined.
 */
export function pagesLeft(cursor: unknown): number | undefined {
  if (typeof cursor !== 'object' || cursor === null) return undefined
  if ('pages' in cursor && typeof cursor.pages === 'number') return cursor.pages
  const list = 'ids' in cursor ? cursor.ids : 'posts' in cursor ? cursor.posts : undefined
  if (!Array.isArray(list)) return undefined
  const size = 'size' in cursor && typeof cursor.size === 'number' ? cursor.size : undefined
  if (size !== undefined) return Math.ceil(list.length / Math.max(1, size))
  return 'posts' in cursor ? list.length : undefined
}
