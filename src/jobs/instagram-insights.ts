import { sql } from 'kysely'
import type { PostRead } from '../etl/extract/instagram/route.ts'
import type { KnownProfile } from './instagram-who.ts'
import type { ProfileRun } from './instagram-steps.ts'

const service = 'instagram'

/** Insights of an account of one's own, and of its posts that are as young as those whose figures are read again. */
export async function readInsights(run: ProfileRun, profile: KnownProfile): Promise<void> {
  const { db, params, route } = run
  await run.streams(route.profileInsights.operation, [route.profileInsights.seed(profile)])
  const { rows } = await sql<PostRead & { kind: string }>`
    select external_id as "externalId", shortcode, graph_id as "graphId", kind from public.posts
    where source = ${service} and profile_external_id = ${profile.storedId} and gone_at is null
      and (taken_at > clock_timestamp() - make_interval(days => ${params.refreshDays})
        or kind <> 'story' and not exists (select from public.post_metrics m
          where m.source = ${service} and m.post_external_id = posts.external_id and m.insights is not null))
    order by taken_at desc`.execute(db)
  const seeds = rows.map((post) => route.postInsights.seed({ ...post, username: profile.username }))
  if (route.route === 'graph')
    await run.streams(route.postInsights.operation, seeds, { parallel: params.parallel })
}
