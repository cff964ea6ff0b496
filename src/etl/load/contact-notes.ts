import { sql, type Transaction } from 'kysely'
import { toJsonb } from '../../db/jsonb.ts'
import type { DB } from '../../db/schema.generated.ts'
import type { Loaded } from '../stream.ts'
import type { NoteRow } from '../transform/amocrm-note.ts'

const source = 'amocrm'

export async function loadNotes(
  trx: Transaction<DB>,
  rows: readonly Loaded<NoteRow>[],
): Promise<void> {
  await sql`
    insert into public.contact_notes as n (source, external_id, contact_external_id, note_type, text, params, created_at, updated_at, service_call_id)
    select ${source}, external_id, contact_external_id, note_type, text, params, created_at, updated_at, service_call_id
    from jsonb_to_recordset(${toJsonb(rows)}::jsonb) as r (external_id text, contact_external_id text, note_type text,
      text text, params jsonb, created_at timestamptz, updated_at timestamptz, service_call_id uuid)
    on conflict (source, external_id) do update set
      contact_external_id = excluded.contact_external_id, note_type = excluded.note_type, text = excluded.text,
      params = excluded.params, created_at = excluded.created_at, updated_at = excluded.updated_at,
      service_call_id = excluded.service_call_id
    where (n.contact_external_id, n.note_type, n.text, n.params, n.created_at, n.updated_at) is distinct from
      (excluded.contact_external_id, excluded.note_type, excluded.text, excluded.params, excluded.created_at, excluded.updated_at)`.execute(
    trx,
  )
}
