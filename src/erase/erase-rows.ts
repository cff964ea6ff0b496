import { type RawBuilder, sql, type Transaction } from 'kysely'
import type { DB } from '../db/schema.generated.ts'
import type { Person } from './find-person.ts'
import { count, type Tally } from './tally.ts'

/** Deletes a person's normalized rows, and of a profile what hangs on their posts. */
export async function eraseRows(trx: Transaction<DB>, person: Person, tally: Tally): Promise<void> {
  for (const [table, condition] of conditions(person)) {
    const { numAffectedRows } = await sql`
      delete from ${sql.table(table)} where source = ${person.source} and (${condition})`.execute(
      trx,
    )
    count(tally, table, 'deleted', numAffectedRows)
  }
  if (person.kind === 'lead') await forgetFound(trx, person, tally)
}

/** What goes first is found by what goes later. */
function conditions({ kind, ids, names, things }: Person): [string, RawBuilder<boolean>][] {
  const isTheirs = (column: string) => sql<boolean>`${sql.ref(column)} = any(${ids}::text[])`
  if (kind === 'lead') return [['public.leads', isTheirs('external_id')]]
  if (kind === 'contact')
    return [
      ['public.contact_channels', isTheirs('contact_external_id')],
      ['public.contact_notes', isTheirs('contact_external_id')],
      ['public.contacts', isTheirs('external_id')],
    ]

  const isOfThing = (column: string) => sql<boolean>`${sql.ref(column)} = any(${things}::text[])`
  const isNamed = (column: string) =>
    sql<boolean>`lower(${sql.ref(column)}) = any(${names}::text[])`
  const isOwned = sql<boolean>`profile_external_id = any(${[...ids, ...names]}::text[])`
  const isByThem = (id: string, name: string) => sql<boolean>`${isTheirs(id)} or ${isNamed(name)}`
  return [
    [
      'public.highlight_items',
      sql`${isOfThing('highlight_external_id')} or ${isOfThing('post_external_id')}`,
    ],
    ['public.highlights', isOwned],
    [
      'public.comments',
      sql`${isOfThing('post_external_id')} or ${isByThem('author_external_id', 'author_username')}`,
    ],
    [
      'public.likes',
      sql`${isOfThing('post_external_id')} or ${isByThem('user_external_id', 'username')}`,
    ],
    [
      'public.follows',
      sql`${isByThem('follower_external_id', 'follower_username')} or ${isByThem('followee_external_id', 'followee_username')}`,
    ],
    ['public.post_metrics', isOfThing('post_external_id')],
    ['public.post_media', isOfThing('post_external_id')],
    ['public.posts', isOwned],
    ['public.profile_metrics', isTheirs('profile_external_id')],
    ['public.profiles', isTheirs('external_id')],
    ['public.tracked_profiles', isByThem('external_id', 'username')],
  ]
}

/** A leadgen's list keeps the place of a lead that was erased, so that its figures stay right and new ones find theirs. */
async function forgetFound(trx: Transaction<DB>, { ids }: Person, tally: Tally): Promise<void> {
  const { numAffectedRows } = await sql`
    update public.leadgen_leads set external_id = 'erased ' || gen_random_uuid()
    where source = 'apollo' and external_id = any(${ids}::text[])`.execute(trx)
  count(tally, 'public.leadgen_leads', 'rewritten', numAffectedRows)
}
