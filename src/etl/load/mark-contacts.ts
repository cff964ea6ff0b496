import { sql, type Transaction } from 'kysely'
import { toJsonb } from '../../db/jsonb.ts'
import type { DB } from '../../db/schema.generated.ts'
import type { Loaded } from '../stream.ts'
import type { ContactRow } from '../transform/amocrm-contact.ts'
import { withoutToldLater } from './replayed.ts'

const source = 'amocrm'

/** Marks contacts that the upstream lists as deleted; those that we never had stay unknown, those that came back since stay. */
export async function markDeleted(
  trx: Transaction<DB>,
  rows: readonly Loaded<ContactRow>[],
): Promise<void> {
  const last = await withoutToldLater(trx, rows, { source, entity: 'contacts' })
  await sql`
    update public.contacts c set deleted_at = coalesce(r.updated_at, clock_timestamp()), missing_since = null,
      service_call_id = r.service_call_id
    from jsonb_to_recordset(${toJsonb(last)}::jsonb) as r (external_id text, updated_at timestamptz, service_call_id uuid)
    where c.source = ${source} and c.external_id = r.external_id and c.deleted_at is null`.execute(
    trx,
  )
}

/** Marks contacts that were asked for by id and did not come: deleted for good, or merged into another. */
export async function markMissing(
  trx: Transaction<DB>,
  ids: readonly string[],
  serviceCallId: string,
): Promise<void> {
  await sql`
    update public.contacts set missing_since = clock_timestamp(), service_call_id = ${serviceCallId}::uuid
    where source = ${source} and external_id = any(${ids}::text[]) and missing_since is null and deleted_at is null`.execute(
    trx,
  )
}
