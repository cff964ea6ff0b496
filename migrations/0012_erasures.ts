import { type Kysely, sql } from 'kysely'

/**
 * People who asked to be forgotten. A tombstone keeps them from coming back, and holds no more of them than a hash: who has an id
 * can ask whether it was erased, who has the table does not get an id from it.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table ledger.erasures (
      id bigint generated always as identity primary key,
      kind text not null,
      asked_by text not null,
      asked_at timestamptz not null default clock_timestamp(),
      rows_erased_at timestamptz,
      finished_at timestamptz,
      counts jsonb not null default '{}',
      files_left jsonb not null default '[]',
      constraint kind_is_known check (kind in ('contact', 'profile', 'lead')),
      constraint rows_before_files check (finished_at is null or rows_erased_at is not null),
      constraint finished_without_files_left check (finished_at is null or files_left = '[]')
    )`.execute(db)
  await sql`
    create table ledger.tombstones (
      hash bytea primary key,
      seq bigint generated always as identity unique,
      erasure_id bigint not null references ledger.erasures,
      is_person boolean not null
    )`.execute(db)
  const comments = {
    'table ledger.erasures': 'Who asked when to forget a person, and what that took out',
    'column ledger.erasures.rows_erased_at':
      'The tombstones stand since asked_at; since then the rows are gone too',
    'column ledger.erasures.counts': 'Rows by table, deleted or rewritten, and files',
    'column ledger.erasures.files_left':
      'Files that are still to be written anew: [{job_call_id, key}]',
    'table ledger.tombstones': 'What is never stored again',
    'column ledger.tombstones.hash':
      'SHA-256 of source:id, in lower case; of a profile also of its other ids, its name (instagram:@name) and its posts',
    'column ledger.tombstones.seq':
      'A process that knows them up to here looks for those that came since',
    'column ledger.tombstones.is_person': 'Of the person, rather than of a post of theirs',
  }
  for (const [what, text] of Object.entries(comments))
    await sql`comment on ${sql.raw(what)} is ${sql.lit(text)}`.execute(db)
}
