import type { ItemRequest } from './job-request.ts'
import { sha256 } from './hash.ts'

/**
 * What an item is about, which alone decides its result: `text:<sha256 of the text>`,
 * `media:<id>` or `video:<id>` for a file of the sandbox's Instagram (whatever its size or signature),
 * `url:<address without query>` elsewhere, `bytes:<sha256 of the file>`.
 */
export function contentOf(item: ItemRequest): string {
  if ('text' in item) return `text:${sha256(item.text)}`
  const source = 'image' in item ? item.image : item.video
  if ('base64' in source) return `bytes:${sha256(Buffer.from(source.base64, 'base64'))}`
  const { host, origin, pathname } = new URL(source.url)
  const medium = /^\/v\/[^/]+\/(\d+)(?:[_.][^/]*)?$/.exec(pathname)?.[1]
  if (host === 'scontent.cdn.test' && medium !== undefined) {
    return `${'image' in item ? 'media' : 'video'}:${medium}`
  }
  return `url:${origin}${pathname}`
}

/** By its address or what it is said to be: nobody fetches anything. */
export function looksLikeVideo(source: { url: string } | { mime_type: string }): boolean {
  if ('mime_type' in source) return source.mime_type.startsWith('video/')
  const { pathname } = new URL(source.url)
  return /\.(mp4|mov|webm)$/i.test(pathname) || /^\/v\/t50[^/]*\/\d+$/.test(pathname)
}
