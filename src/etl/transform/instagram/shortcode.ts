const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** The shortcode of a post is its pk in base 64. What names a post by its pk alone can so be matched where the other route met it first. */
export function shortcodeOf(pk: string): string {
  let code = ''
  for (let rest = BigInt(pk); rest > 0n; rest >>= 6n) {
    code = (alphabet[Number(rest & 63n)] ?? '') + code
  }
  return code
}

/** Where a record does not tell its shortcode, its permalink does. */
export function shortcodeIn(permalink: string | undefined): string | undefined {
  return /^https?:\/\/[^/]+\/(?:[\w.]+\/)?(?:p|reel|reels|tv)\/([\w-]+)/i.exec(permalink ?? '')?.[1]
}
