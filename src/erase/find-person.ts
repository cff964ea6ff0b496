import { sql } from 'kysely'
import type { Db } from '../db/connect.ts'
import { Fault } from '../errors.ts'
import { tombstoneOf } from '../etl/erased/tombstones.ts'

export const kinds = ['contact', 'profile', 'lead'] as const
export type Kind = (typeof kinds)[number]

/** A person, by all that they are known by in one source. */
export interface Person {
  kind: Kind
  source: 'amocrm' | 'instagram' | 'apollo'
  /** Ids; of a profile those of both routes. */
  ids: string[]
  /** Usernames, in small letters: only profiles have them. */
  names: string[]
  /** What else names them to a machine, in files and parameters: addresses of a lead. */
  addresses: string[]
  /** Ids of their posts and highlights, shortcodes too: what hangs on these goes as well. */
  things: string[]
}

const sourceOf = { contact: 'amocrm', profile: 'instagram', lead: 'apollo' } as const

/**
 * Finds a person by an id, a profile also by its name, with all else that they are known by.
 * @throws Fault `params` where nothing here is known of them, and nobody has erased them before.
 */
export async function findPerson(db: Db, kind: Kind, given: string): Promise<Person> {
  const source = sourceOf[kind]
  const asked = given.trim().replace(/^@/, '')
  const person =
    kind === 'profile'
      ? await findProfile(db, asked)
      : kind === 'lead'
        ? await findLead(db, asked)
        : { ...nobody, ids: [asked] }
  const found = { kind, source, ...person }
  if (asked === '' || !((await isStored(db, found)) || (await isErased(db, found, asked))))
    throw new Fault('params', `no ${kind} ${given} is stored here`, {
      hint: `its id in ${source}${kind === 'profile' ? ', or its username' : ''} was expected`,
    })
  return found
}

const nobody: Pick<Person, 'ids' | 'names' | 'addresses' | 'things'> = {
  ids: [],
  names: [],
  addresses: [],
  things: [],
}

async function findLead(db: Db, id: string) {
  const { rows } = await sql<{ address: string }>`
    select a.address from public.leads l cross join lateral (values (l.linkedin_url), (l.email)) as a (address)
    where l.source = 'apollo' and l.external_id = ${id} and a.address is not null`.execute(db)
  return { ...nobody, ids: [id], addresses: rows.map(({ address }) => address) }
}

/**
 * By an id, else by name. A name may have been another's before, and may be another's now: such a one names nobody for sure. People who
 * only comment, like or follow are in no table of their own.
 */
async function findProfile(db: Db, asked: string) {
  const { rows } = await sql<{ ids: string[]; names: string[] }>`
    with own as materialized (
      select external_id, pk, graph_id, username from public.profiles
      where source = 'instagram' and (${asked} in (external_id, pk, graph_id) or lower(username) = lower(${asked}))
      order by ${asked} in (external_id, pk, graph_id) desc nulls last, gone_at nulls first limit 1
    ), told as materialized (
      select author_external_id as id, lower(author_username) as name from public.comments where source = 'instagram'
      union select user_external_id, lower(username) from public.likes where source = 'instagram'
      union select follower_external_id, lower(follower_username) from public.follows where source = 'instagram'
      union select followee_external_id, lower(followee_username) from public.follows where source = 'instagram'
    ), ids as (
      select i.id from own o cross join lateral unnest(array[o.external_id, o.pk, o.graph_id]) as i (id) where i.id is not null
      union select id from told where id is not null and not exists (select from own) and (id = ${asked} or name = lower(${asked}))
    ), names as (
      select lower(username) as name from own
      union select name from told where id in (select id from ids) and name is not null and not exists (
        select from public.profiles p where p.source = 'instagram' and lower(p.username) = name and p.external_id not in (select id from ids))
      union select name from told where name = lower(${asked}) and not exists (select from own)
    )
    select array(select id from ids) as ids, array(select name from names) as names`.execute(db)
  const { ids, names } = rows[0] ?? { ids: [], names: [] }
  // Nothing but their name on the list, or a call for it.
  if (ids.length + names.length === 0) (/^\d+$/.test(asked) ? ids : names).push(asked.toLowerCase())
  return { ...nobody, ids, names, things: await thingsOf(db, ids, names) }
}

async function thingsOf(db: Db, ids: string[], names: string[]): Promise<string[]> {
  const { rows } = await sql<{ id: string | null }>`
    select t.id from public.posts p cross join lateral unnest(array[p.external_id, p.graph_id, p.shortcode]) as t (id)
    where p.source = 'instagram' and p.profile_external_id = any(${[...ids, ...names]}::text[])
    union all select external_id from public.highlights
    where source = 'instagram' and profile_external_id = any(${[...ids, ...names]}::text[])`.execute(
    db,
  )
  return unique(rows.map(({ id }) => id))
}

/** What tombstones are set for. */
export const namesOf = ({ ids, names }: Person): string[] => [
  ...ids,
  ...names.map((name) => `@${name}`),
]

async function isStored(db: Db, { kind, source, ids, names }: Person): Promise<boolean> {
  if (kind === 'profile' && ids.length > 0 && names.length > 0) return true
  const { rows } = await sql`
    select from raw.records where source = ${source} and entity = any(${ownEntities[kind]}::text[]) and external_id = any(${ids}::text[])
    union all
    select from ledger.rejects where source = ${source} and entity = any(${ownEntities[kind]}::text[]) and external_id = any(${ids}::text[])
    union all
    select from public.contacts where ${kind} = 'contact' and source = ${source} and external_id = any(${ids}::text[])
    union all
    select from public.leads where ${kind} = 'lead' and source = ${source} and external_id = any(${ids}::text[])
    union all
    select from public.tracked_profiles where ${kind} = 'profile' and (lower(username) = any(${names}::text[]) or external_id = any(${ids}::text[]))
    union all
    select from public.posts where ${kind} = 'profile' and profile_external_id = any(${[...ids, ...names]}::text[])
    limit 1`.execute(db)
  return rows.length > 0
}

const ownEntities = {
  contact: ['contacts', 'deleted_contacts'],
  profile: ['profiles'],
  lead: ['people', 'people.matched'],
}

async function isErased(db: Db, { source }: Person, asked: string): Promise<boolean> {
  const hashes = [asked, `@${asked}`].map((name) => tombstoneOf(source, name))
  const { rows } = await sql`
    select from ledger.tombstones
    where is_person and hash = any(array(select decode(h, 'hex') from unnest(${hashes}::text[]) as h))`.execute(
    db,
  )
  return rows.length > 0
}

const unique = (values: readonly (string | null)[]): string[] => [
  ...new Set(values.flatMap((value) => (value === null ? [] : [value]))),
]
