export type Slice<T> = { records: T[]; hasMore: boolean }

/** The first `size` of a list, which is made only as far as it is read. */
export function take<T>(list: Iterable<T>, size: number): Slice<T> {
  const records: T[] = []
  for (const record of list) {
    if (records.length === size) return { records, hasMore: true }
    records.push(record)
  }
  return { records, hasMore: false }
}
