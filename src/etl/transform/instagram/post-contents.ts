import type { Contents, Medium } from '../../contents.ts'
import type { PostRow } from './post-row.ts'

/** What of a post is analysed: its caption and its media. */
export function contentsOfPost(post: PostRow): Contents {
  return { texts: [post.caption], media: mediaOfPost(post) }
}

export function mediaOfPost({ external_id, shortcode, media = [] }: PostRow): Medium[] {
  return media.map(({ url }, n) => ({
    post_id: external_id,
    post_shortcode: shortcode,
    position: n + 1,
    url,
  }))
}
