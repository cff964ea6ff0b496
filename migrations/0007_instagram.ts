import { type Kysely, sql } from 'kysely'

/**
 * Profiles to read, and the normalized tables of Instagram. Each row names the service call that last wrote it.
 * No index begins with the source: on a table that was never analyzed, any index that does looks as good as the right one to the
 * planner, and a prepared statement keeps what it chose then.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await profiles(db)
  await posts(db)
  await people(db)
  await highlights(db)
}

async function comment(db: Kysely<unknown>, what: string, text: string): Promise<void> {
  await sql`comment on ${sql.raw(what)} is ${sql.lit(text)}`.execute(db)
}

async function profiles(db: Kysely<unknown>): Promise<void> {
  // Media addresses are signed anew in every answer, and which of its hosts a CDN names changes too.
  await sql`
    create function public.media_path(url text) returns text language sql immutable parallel safe
    return substring(url from '^(?:https?://[^/?#]*)?([^?#]*)')`.execute(db)
  await comment(
    db,
    'function public.media_path(text)',
    'What of a media address stays the same from answer to answer: without host and query',
  )
  await sql`
    create table public.tracked_profiles (
      source text not null default 'instagram',
      username text not null,
      external_id text,
      parts text[],
      sync_every interval not null default '20 hours',
      paused boolean not null default false,
      gone_at timestamptz,
      primary key (source, username),
      constraint sync_every_is_positive check (sync_every > interval '0')
    )`.execute(db)
  // By this it is looked up, however it was written down.
  await sql`create index tracked_profiles_by_name on public.tracked_profiles (lower(username))`.execute(
    db,
  )
  await comment(
    db,
    'column public.tracked_profiles.parts',
    'What of it is read; null: what the run says',
  )
  await comment(
    db,
    'column public.tracked_profiles.sync_every',
    'Less than a day, so that a nightly tick that comes a little early finds it due',
  )
  await sql`
    create table public.profiles (
      source text not null,
      external_id text not null,
      username text not null,
      full_name text,
      bio text,
      bio_mentions text[] not null default '{}',
      bio_hashtags text[] not null default '{}',
      external_url text,
      category text,
      is_private boolean,
      is_verified boolean,
      is_business boolean,
      picture_url text,
      follower_count bigint,
      following_count bigint,
      media_count bigint,
      pk text,
      graph_id text,
      gone_at timestamptz,
      service_call_id uuid not null,
      primary key (external_id, source)
    )`.execute(db)
  await comment(
    db,
    'column public.profiles.external_id',
    'As the route told it that met the profile first; the other one finds it by name, and then by its own id',
  )
  await comment(
    db,
    'column public.profiles.pk',
    'Its id in the app, which the crawler asks by; null: only the official API has told of it',
  )
  await comment(
    db,
    'column public.profiles.graph_id',
    'Its id in the official API, where that has told it',
  )
  // Where the routes' ids differ, the name is what they share.
  await sql`create index profiles_by_username on public.profiles (username)`.execute(db)
  await sql`create index profiles_by_graph_id on public.profiles (graph_id) where graph_id is not null`.execute(
    db,
  )
  await sql`create index profiles_by_pk on public.profiles (pk) where pk <> external_id`.execute(db)
  await sql`
    create table public.profile_metrics (
      source text not null,
      profile_external_id text not null,
      day date not null,
      follower_count bigint,
      following_count bigint,
      media_count bigint,
      insights jsonb,
      service_call_id uuid not null,
      primary key (profile_external_id, source, day)
    )`.execute(db)
  await comment(
    db,
    'table public.profile_metrics',
    'A row a day (UTC) on which a figure was another than before; each holds all that was known then',
  )
}

async function posts(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table public.posts (
      source text not null,
      external_id text not null,
      profile_external_id text not null,
      shortcode text,
      kind text not null,
      product_type text,
      media_type text not null,
      title text,
      caption text,
      mentions text[] not null default '{}',
      hashtags text[] not null default '{}',
      tagged jsonb,
      taken_at timestamptz not null,
      expires_at timestamptz,
      like_count bigint,
      comment_count bigint,
      play_count bigint,
      view_count bigint,
      comments_disabled boolean,
      likes_hidden boolean,
      location jsonb,
      is_paid_partnership boolean,
      graph_id text,
      gone_at timestamptz,
      service_call_id uuid not null,
      primary key (external_id, source),
      constraint kind_is_known check (kind in ('post', 'reel', 'story')),
      constraint media_type_is_known check (media_type in ('photo', 'video', 'album'))
    )`.execute(db)
  const columns = {
    external_id:
      'As the route told it that met the post first; the other one finds it by shortcode',
    kind: 'By product_type, never by the list it was met in',
    tagged: 'Users marked in the picture: [{external_id, username}]',
    expires_at: 'Of a story; one kept in a highlight stays',
    like_count: 'null where the owner hides it',
    graph_id: 'Its id in the official API, where that has told it',
    gone_at: 'Confirmed by asking for it by id',
  }
  for (const [name, text] of Object.entries(columns)) {
    await comment(db, `column public.posts.${name}`, text)
  }
  await sql`create unique index posts_by_shortcode on public.posts (shortcode, source) where shortcode is not null`.execute(
    db,
  )
  await sql`create index posts_of_profile on public.posts (profile_external_id, taken_at)`.execute(
    db,
  )
  await sql`
    create table public.post_media (
      source text not null,
      post_external_id text not null,
      position int not null,
      external_id text,
      media_type text not null,
      url text,
      thumbnail_url text,
      width int,
      height int,
      duration_s double precision,
      service_call_id uuid not null,
      primary key (post_external_id, source, position),
      constraint position_starts_at_one check (position >= 1),
      constraint media_type_is_known check (media_type in ('photo', 'video'))
    )`.execute(db)
  await comment(
    db,
    'column public.post_media.url',
    'Signed, and as old as the row: it may have expired',
  )
  await sql`
    create table public.post_metrics (
      source text not null,
      post_external_id text not null,
      day date not null,
      like_count bigint,
      comment_count bigint,
      play_count bigint,
      view_count bigint,
      insights jsonb,
      service_call_id uuid not null,
      primary key (post_external_id, source, day)
    )`.execute(db)
  await comment(
    db,
    'table public.post_metrics',
    'A row a day (UTC) on which a figure was another than before; each holds all that was known then',
  )
}

async function people(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table public.comments (
      source text not null,
      external_id text not null,
      post_external_id text not null,
      parent_external_id text,
      author_external_id text,
      author_username text,
      text text not null,
      mentions text[] not null default '{}',
      created_at timestamptz not null,
      like_count bigint,
      reply_count bigint,
      is_pinned boolean,
      is_hidden boolean,
      gone_at timestamptz,
      service_call_id uuid not null,
      primary key (external_id, source)
    )`.execute(db)
  await comment(
    db,
    'column public.comments.parent_external_id',
    'The comment that it replies to; null: to the post',
  )
  await sql`create index comments_of_post on public.comments (post_external_id)`.execute(db)
  await sql`
    create table public.likes (
      source text not null,
      post_external_id text not null,
      user_external_id text not null,
      username text,
      full_name text,
      first_seen_at timestamptz not null default clock_timestamp(),
      gone_at timestamptz,
      service_call_id uuid not null,
      primary key (post_external_id, user_external_id, source)
    )`.execute(db)
  await comment(
    db,
    'column public.likes.gone_at',
    'A list read to its end no longer shows it since. Instagram lists only some of many likes: for these it says little',
  )
  await sql`
    create table public.follows (
      source text not null,
      follower_external_id text not null,
      followee_external_id text not null,
      follower_username text,
      followee_username text,
      first_seen_at timestamptz not null default clock_timestamp(),
      gone_at timestamptz,
      service_call_id uuid not null,
      primary key (follower_external_id, followee_external_id, source)
    )`.execute(db)
  // Two names: a pair of tracked profiles is told by both of them, each naming the other.
  await comment(
    db,
    'column public.follows.follower_username',
    'null as long as only lists of this profile itself were read; profiles has it then',
  )
  await comment(
    db,
    'column public.follows.followee_username',
    'null as long as only lists of this profile itself were read; profiles has it then',
  )
  await sql`create index follows_of_followee on public.follows (followee_external_id)`.execute(db)
}

async function highlights(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table public.highlights (
      source text not null,
      external_id text not null,
      profile_external_id text not null,
      title text,
      cover_url text,
      media_count bigint,
      is_pinned boolean,
      created_at timestamptz,
      gone_at timestamptz,
      service_call_id uuid not null,
      primary key (external_id, source)
    )`.execute(db)
  await sql`create index highlights_of_profile on public.highlights (profile_external_id)`.execute(
    db,
  )
  await sql`
    create table public.highlight_items (
      source text not null,
      highlight_external_id text not null,
      position int not null,
      post_external_id text not null,
      service_call_id uuid not null,
      primary key (highlight_external_id, source, position),
      constraint position_starts_at_one check (position >= 1)
    )`.execute(db)
}
