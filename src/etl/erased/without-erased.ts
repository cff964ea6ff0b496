import type { Db } from '../../db/connect.ts'
import { sortPage } from '../sort-page.ts'
import type { Operation, Page } from '../stream.ts'
import type { PageToWrite } from '../write-pages.ts'
import { isErasedId, type IsErased, scrubRecord } from './scrub.ts'
import { erasedIn, knownTombstones, learnTombstones, type Tombstones } from './tombstones.ts'

/**
 * The pages without people that were erased: their records left out, others' without mention of them, no stream opened for them.
 * The same pages, at no cost, where nobody was. What is left out still counts as read, and as unchanged.
 */
export async function withoutErased<Cursor, Row>(
  { hashes }: Tombstones,
  { entity }: Operation<Cursor, Row>,
  pages: readonly PageToWrite<Cursor, Row>[],
): Promise<readonly PageToWrite<Cursor, Row>[]> {
  if (hashes.size === 0) return pages
  const isErased = erasedIn(entity.source, hashes)
  return await Promise.all(
    pages.map(async (one) => {
      const page = scrubPage(entity, one.page, isErased)
      if (page === one.page) return one
      const sorted = await sortPage(entity, page.records, page.kept)
      return { ...one, page, sorted: { ...sorted, read: one.sorted.read } }
    }),
  )
}

/** Records without those of people that were erased, where somebody counts on them before they are written. One look at the table. */
export async function leaveOutErased<Record>(
  db: Db,
  kind: { source: string; entity: string },
  records: readonly Record[],
): Promise<Record[]> {
  await learnTombstones(db)
  const isErased = erasedIn(kind.source, knownTombstones(db).hashes)
  return records.filter((record) => scrubRecord(kind, record, isErased) !== undefined)
}

function scrubPage<Cursor>(
  kind: { source: string; entity: string },
  page: Page<Cursor>,
  isErased: IsErased,
): Page<Cursor> {
  const scrubbed = page.records.map((record) => scrubRecord(kind, record, isErased))
  const isTheirs = (id: string) => isErasedId(kind, id, isErased)
  const next = page.next === null ? null : withoutIds(page.next, isTheirs)
  const opens = page.opens?.flatMap((seed) => {
    const cursor = isTheirs(seed.subject) ? null : withoutIds(seed.cursor, isTheirs)
    return cursor === null ? [] : [{ ...seed, cursor }]
  })
  const isSame =
    scrubbed.every((record, n) => record === page.records[n]) &&
    next === page.next &&
    (opens ?? []).every(({ cursor }, n) => cursor === page.opens?.[n]?.cursor) &&
    opens?.length === page.opens?.length
  if (isSame) return page
  const stays = scrubbed.map((record) => record !== undefined)
  return {
    ...page,
    records: scrubbed.filter((record) => record !== undefined),
    ...(page.kept && { kept: page.kept.filter((_, n) => stays[n]) }),
    next,
    ...(opens && { opens }),
  }
}

/** A cursor that lists ids, without those; null where none are left. Other cursors as they are. */
export function withoutIds<Cursor>(
  cursor: Cursor,
  isTheirs: (id: string) => boolean,
): Cursor | null {
  if (typeof cursor !== 'object' || cursor === null || !('ids' in cursor)) return cursor
  const { ids } = cursor
  if (!Array.isArray(ids)) return cursor
  const left = ids.filter((id) => typeof id !== 'string' || !isTheirs(id))
  if (left.length === ids.length) return cursor
  return left.length > 0 ? { ...cursor, ids: left } : null
}
