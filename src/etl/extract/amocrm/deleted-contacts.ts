import type { Db } from '../../../db/connect.ts'
import type { ExtractTools, Page } from '../../stream.ts'
import { amocrmId } from '../../transform/amocrm.ts'
import { type Amocrm, pageSize } from './upstream.ts'

export interface DeletedCursor {
  page: number
  /** Read to the end, whatever is known already. */
  whole: boolean
}

/**
 * A page of the contacts that were deleted, the last changed first: deleted ones drop out of all other lists
 * (upstreams/amocrm.md, 6). Ends at a page on which all that we have are marked already. No filter: whether deleting
 * changes `updated_at` is not documented.
 */
export async function deletedContacts(
  { db, crm }: { db: Db; crm: Amocrm },
  { page, whole }: DeletedCursor,
  tools: ExtractTools,
): Promise<Page<DeletedCursor>> {
  const query = ['with=only_deleted', 'order[updated_at]=desc', `limit=${pageSize}`, `page=${page}`]
  const { records, hasNext } = await crm.list('contacts', query, tools)
  const ids = records.map(amocrmId).filter((id) => id !== undefined)
  const unmarked = await db
    .selectFrom('contacts')
    .select('external_id')
    .where('source', '=', 'amocrm')
    .where('external_id', 'in', ids.length > 0 ? ids : [''])
    .where('deleted_at', 'is', null)
    .limit(1)
    .execute()
  const goOn = hasNext && (whole || unmarked.length > 0)
  return { records, next: goOn ? { page: page + 1, whole } : null }
}
