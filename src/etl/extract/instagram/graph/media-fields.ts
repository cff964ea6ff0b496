const files = ['media_url', 'thumbnail_url']
const child = ['id', 'media_type', ...files]

/** Of a medium (upstreams/instagram.md, A2). Without the first four no row can be made of it. */
export const mediaFields = {
  needed: ['id', 'media_type', 'timestamp', 'permalink'],
  wanted: [
    'caption',
    'comments_count',
    'like_count',
    'media_product_type',
    ...files,
    'shortcode',
    'username',
    'owner',
    'is_comment_enabled',
    'is_shared_to_feed',
    `children{${child.join(',')}}`,
    'view_count',
  ],
}
