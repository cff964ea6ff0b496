import { type Kysely, sql } from 'kysely'

/** The normalized CRM tables. `updated_at` and `created_at` are the upstream's; each row names the service call that last wrote it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table public.companies (
      source text not null,
      external_id text not null,
      name text,
      responsible_user_external_id text,
      custom_fields jsonb,
      tags text[] not null default '{}',
      created_at timestamptz,
      updated_at timestamptz,
      deleted_at timestamptz,
      service_call_id uuid not null,
      primary key (source, external_id)
    )`.execute(db)
  await sql`
    create table public.contacts (
      source text not null,
      external_id text not null,
      name text,
      first_name text,
      last_name text,
      company_external_id text,
      responsible_user_external_id text,
      custom_fields jsonb,
      tags text[] not null default '{}',
      closest_task_at timestamptz,
      created_at timestamptz,
      updated_at timestamptz,
      deleted_at timestamptz,
      missing_since timestamptz,
      unlinked_at timestamptz,
      service_call_id uuid not null,
      primary key (source, external_id)
    )`.execute(db)
  await sql`comment on column public.contacts.deleted_at is 'Listed as deleted upstream since'`.execute(
    db,
  )
  await sql`comment on column public.contacts.missing_since is 'Neither listed nor found by its id since (merged, or deleted for good)'`.execute(
    db,
  )
  await sql`comment on column public.contacts.unlinked_at is 'Its last company no longer names it since; company_external_id is then null'`.execute(
    db,
  )
  await sql`create index contacts_of_company on public.contacts (source, company_external_id)`.execute(
    db,
  )
  await sql`
    create table public.contact_channels (
      source text not null,
      contact_external_id text not null,
      position int not null,
      kind text not null,
      value text not null,
      normalized text,
      label text,
      service_call_id uuid not null,
      primary key (source, contact_external_id, position),
      constraint kind_is_known check (kind in ('phone', 'email'))
    )`.execute(db)
  await sql`create index contact_channels_normalized on public.contact_channels (kind, normalized)`.execute(
    db,
  )
  await sql`
    create table public.contact_notes (
      source text not null,
      external_id text not null,
      contact_external_id text not null,
      note_type text not null,
      text text,
      params jsonb,
      created_at timestamptz,
      updated_at timestamptz,
      service_call_id uuid not null,
      primary key (source, external_id)
    )`.execute(db)
  await sql`create index contact_notes_of_contact on public.contact_notes (source, contact_external_id)`.execute(
    db,
  )
}
