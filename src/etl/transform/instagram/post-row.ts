import type { MediaType, PostMedium } from './post-media.ts'

/** A post, reel or story, whatever it came as. What is undefined was not told; null was told to be nothing. */
export interface PostRow {
  external_id: string
  graph_id?: string | undefined
  shortcode?: string | undefined
  profile_external_id?: string | undefined
  profile_username?: string | undefined
  kind?: 'post' | 'reel' | 'story' | undefined
  product_type?: string | undefined
  media_type: MediaType
  taken_at: string
  expires_at?: string | undefined
  title?: string | null | undefined
  caption?: string | null | undefined
  mentions?: string[] | undefined
  hashtags?: string[] | undefined
  tagged?: { external_id: string | undefined; username: string | undefined }[] | undefined
  like_count?: number | null | undefined
  comment_count?: number | undefined
  play_count?: number | undefined
  view_count?: number | undefined
  comments_disabled?: boolean | undefined
  likes_hidden?: boolean | undefined
  is_paid_partnership?: boolean | undefined
  location?: object | null | undefined
  media?: PostMedium[] | undefined
}
