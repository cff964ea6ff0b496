import { setImmediate } from 'node:timers/promises'
import type { TransformedPage } from './sort-page.ts'
import type { Kept } from './stream.ts'
import type { PageToWrite } from './write-pages.ts'

/** The raw records of pages of several streams: where they hold the same one, the page that was asked for last counts. */
export function eachRecordOnce<Cursor, Row>(pages: readonly PageToWrite<Cursor, Row>[]) {
  const pageOf = new Map<string, PageToWrite<Cursor, Row>>()
  for (const page of pages) {
    for (const { id } of page.sorted.raw) {
      const other = pageOf.get(id)
      if (!other || other.fetchedAt <= page.fetchedAt) pageOf.set(id, page)
    }
  }
  const records = pages.flatMap((page) =>
    page.sorted.raw
      .filter(({ id }) => pageOf.get(id) === page)
      .map(({ kept, ...record }) => ({
        ...record,
        serviceCallId: kept?.serviceCallId ?? page.stream.id,
        fetchedAt: kept?.fetchedAt ?? page.fetchedAt,
      })),
  )
  return { pageOf, records }
}

export type Transformed<Cursor, Row> = TransformedPage<Row> & { page: PageToWrite<Cursor, Row> }

/** The pages with what became of their records, one after the other: others get a turn in between. */
export async function transformEach<Cursor, Row>(
  pages: readonly PageToWrite<Cursor, Row>[],
): Promise<Transformed<Cursor, Row>[]> {
  const all: Transformed<Cursor, Row>[] = []
  for (const page of pages) {
    await setImmediate()
    all.push({ page, ...(await page.sorted.transformed()) })
  }
  return all
}

/** What is to be loaded and rejected: of each record its newest page's. */
export function newestOf<Cursor, Row>(
  pages: readonly Transformed<Cursor, Row>[],
  pageOf: ReadonlyMap<string, PageToWrite<Cursor, Row>>,
) {
  const counts = (id: string | undefined, page: PageToWrite<Cursor, Row>) =>
    id === undefined || (pageOf.get(id) ?? page) === page
  return {
    good: pages
      .flatMap(({ page, good }) =>
        good
          .filter(({ id }) => counts(id, page))
          .map(({ id, row, kept }) => ({ id, page, row: { ...row, ...whenceOf(page, kept) } })),
      )
      .toSorted(byId),
    rejects: pages.flatMap(({ page, rejects }) =>
      rejects
        .filter(({ id }) => counts(id, page))
        .map((reject) => ({ ...reject, serviceCallId: page.stream.id })),
    ),
  }
}

function whenceOf<Cursor, Row>({ stream }: PageToWrite<Cursor, Row>, kept: Kept | undefined) {
  if (!kept) return { service_call_id: stream.id }
  return { service_call_id: kept.serviceCallId, fetched_at: kept.fetchedAt.toISOString() }
}

const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
