import { type Kysely, sql } from 'kysely'

/**
 * Pages between their answer and their transaction. Without a log, since what a crash of the database loses of them is only asked
 * for again; and uncompressed, since each is there for some milliseconds.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create unlogged table ledger.pages_at_hand (
      service_call_id uuid not null,
      page bigint not null,
      cursor jsonb not null,
      content text not null,
      asked_at timestamptz not null,
      kept_at timestamptz not null default clock_timestamp(),
      primary key (service_call_id, page)
    )`.execute(db)
  await sql`alter table ledger.pages_at_hand alter content set storage external`.execute(db)
  const comments = {
    'table ledger.pages_at_hand':
      'Pages that came and are not written yet: a run that is killed goes on with them instead of asking again',
    'column ledger.pages_at_hand.page': 'How many pages of the stream came before it',
    'column ledger.pages_at_hand.cursor': 'What it was asked for with',
    'column ledger.pages_at_hand.asked_at': 'Older content never overwrites newer',
    'column ledger.pages_at_hand.kept_at': 'Nobody goes on with it ten minutes later',
  }
  for (const [what, comment] of Object.entries(comments))
    await sql`comment on ${sql.raw(what)} is ${sql.lit(comment)}`.execute(db)
}
