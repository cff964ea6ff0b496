import { type RawBuilder, sql } from 'kysely'

/*
 * The two routes know the same post and the same profile by different ids. A row keeps the id of the route that came first;
 * posts are matched by shortcode, profiles by the official id or, between the routes, by name.
 * Each look-up is a scalar or a `limit 1`, which the planner can't turn into a join over a whole table: a plan made while
 * the tables were small stays right.
 */

export const source = 'instagram'

type Text = RawBuilder<string | null>

/** The external_id of the post that is named by an id and maybe a shortcode; the id itself where we have no such post. */
export const postKey = (id: Text, shortcode: Text): Text => sql`coalesce(
  (select p.external_id from public.posts p where p.source = ${sql.lit(source)} and p.external_id = ${id}),
  (select p.external_id from public.posts p where p.source = ${sql.lit(source)} and p.shortcode = ${shortcode}),
  ${id}, ${shortcode})`

/** The stored profile of an id of either route and a name, as `external_id` and the whole row in `stored`. */
export const storedProfile = (names: {
  id: Text
  graphId: Text
  username: Text
}): RawBuilder<unknown> => sql`(
  select found.external_id, found.stored from (
    select 1 as rank, p.external_id, p as stored from public.profiles p
    where p.source = ${sql.lit(source)} and p.external_id = ${names.id}
    union all
    select 2, p.external_id, p from public.profiles p
    where p.source = ${sql.lit(source)} and p.graph_id = ${names.graphId}
    union all
    select 2, p.external_id, p from public.profiles p
    where p.source = ${sql.lit(source)} and p.pk = ${names.id} and p.pk <> p.external_id
    union all
    -- By name only what the other route told: within one route another id is another profile, whatever its name.
    select 3, p.external_id, p from public.profiles p
    where p.source = ${sql.lit(source)} and p.username = ${names.username} and p.gone_at is null and case
      when ${names.id} is null then true
      when ${names.graphId} is not null then p.graph_id is null
      else p.pk is null end
  ) found order by found.rank limit 1)`

/** Rows by the route that told them, so that no statement holds one post or profile under two ids: a replay may bring both. */
export function byRoute<Row extends { graph_id?: string | undefined }>(
  rows: readonly Row[],
): Row[][] {
  return [...Map.groupBy(rows, (row) => row.graph_id !== undefined).values()]
}
