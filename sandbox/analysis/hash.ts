import { hash } from 'node:crypto'

/** 64 hex digits of SHA-256. */
export function sha256(content: string | Buffer): string {
  return hash('sha256', content)
}

/** 32 bits out of a content; the same content gives the same, in every process. */
export function hash32(content: string): number {
  return hash('sha256', content, 'buffer').readUInt32BE()
}
