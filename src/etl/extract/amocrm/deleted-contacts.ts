import { z } from 'zod'
import type { Db } from '../../../db/connect.ts'
import { Skipped } from '../../../errors.ts'
import type { ExtractTools, Page } from '../../stream.ts'
import { amocrmId } from '../../transform/amocrm.ts'
import { type ListPlace, stepOn, pageQuery } from './list-place.ts'
import type { Amocrm } from './upstream.ts'

export interface DeletedCursor {
  at: ListPlace
  /** Read to the end, whatever is known already. */
  whole: boolean
}

const dead = z.looseObject({ is_deleted: z.literal(true) })

/**
 * A page of the contacts that were deleted, the last changed first: deleted ones drop out of all other lists
 * (upstreams/amocrm.md, 6). Ends at a page on which all that we have are marked already; since it is not documented
 * whether deleting changes `updated_at`, the whole list is read now and then.
 * @throws Skipped where the API does not know of `only_deleted` and lists the living.
 */
export async function deletedContacts(
  { db, crm }: { db: Db; crm: Amocrm },
  { at, whole }: DeletedCursor,
  tools: ExtractTools,
): Promise<Page<DeletedCursor>> {
  const query = ['with=only_deleted', 'order[updated_at]=desc', ...pageQuery(at)]
  const list = await crm.list('contacts', query, tools)
  const records = list.records.filter((record) => dead.safeParse(record).success)
  if (records.length === 0 && list.records.length > 0)
    throw new Skipped('the API ignored with=only_deleted and listed contacts that are not deleted')
  const ids = records.map(amocrmId).filter((id) => id !== undefined)
  const unmarked = await db
    .selectFrom('contacts')
    .select('external_id')
    .where('source', '=', 'amocrm')
    .where('external_id', 'in', ids.length > 0 ? ids : [''])
    .where('deleted_at', 'is', null)
    .limit(1)
    .execute()
  const { next: place, connected } = stepOn(at, list)
  const goOn = whole || unmarked.length > 0 || !connected
  return { records, next: place && goOn ? { at: place, whole } : null }
}
