import { sql, type Transaction } from 'kysely'
import type { DB } from '../db/schema.generated.ts'
import { withoutMentions } from '../etl/transform/instagram/text.ts'
import type { Person } from './find-person.ts'
import { count, type Tally } from './tally.ts'

/** What people write, and who is mentioned there. */
const texts = [
  ['public.profiles', 'bio', 'bio_mentions'],
  ['public.posts', 'caption', 'mentions'],
  ['public.comments', 'text', 'mentions'],
] as const

/**
 * Takes mentions of a profile out of the rows that still have them: those whose raw records are gone, so that they could not be
 * transformed again.
 */
export async function eraseMentions(
  trx: Transaction<DB>,
  { kind, names }: Person,
  tally: Tally,
): Promise<void> {
  if (kind !== 'profile') return
  for (const [table, text, mentions] of texts) {
    const { rows } = await sql<{ id: string; text: string }>`
      select external_id as id, ${sql.ref(text)} as text from ${sql.table(table)}
      where source = 'instagram' and (${sql.ref(mentions)} && ${names}::text[]
        or ${sql.ref(text)} ilike any(${mentionsOf(names)}::text[]))`.execute(trx)
    const changed = rows
      .map((row) => ({
        id: row.id,
        text: withoutMentions(row.text, (name) => names.includes(name)),
      }))
      .filter((row, n) => row.text !== rows[n]?.text)
    const { numAffectedRows } = await sql`
      update ${sql.table(table)} t set ${sql.ref(text)} = n.text,
        ${sql.ref(mentions)} = array(select m from unnest(t.${sql.ref(mentions)}) as m where m <> all(${names}::text[]))
      from jsonb_to_recordset(${JSON.stringify(changed)}::jsonb) as n (id text, text text)
      where t.source = 'instagram' and t.external_id = n.id`.execute(trx)
    count(tally, table, 'rewritten', numAffectedRows)
  }
}

/** Patterns for `ilike` that find mentions and addresses of profiles, and more. */
export const mentionsOf = (names: readonly string[]): string[] =>
  names
    .map((name) => name.replaceAll('_', String.raw`\_`))
    .flatMap((name) => [`%@${name}%`, `%instagram.com/${name}%`])
