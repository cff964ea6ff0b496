/** Which comment of a medium, or which reply to it (null = the comment itself). */
export type CommentPlace = { position: number; reply: number | null }

/**
 * 62 bits and one on top: the user in 20, the slot in 18, feed or clips in 1, the serial in 23.
 * Serials go in blocks of 32: eight comments, then the replies to the first of them.
 */
export type CommentBase = bigint

export const REPLY_ROOM = 24

export function commentBase(user: number, slot: number, variant: number): CommentBase {
  return (1n << 62n) | (BigInt(user) << 42n) | (BigInt(slot) << 24n) | (BigInt(variant) << 23n)
}

export function commentPk(base: CommentBase, position: number, reply: number | null = null) {
  const block = Math.floor(position / 8) * 32
  return String(base + BigInt(block + (reply === null ? position % 8 : 8 + reply)))
}

export function placeOfComment(pk: string) {
  if (!/^\d{19}$/.test(pk)) return null
  const bits = BigInt(pk)
  if (bits >> 62n !== 1n) return null
  const part = (shift: bigint, size: bigint) => Number((bits >> shift) & ((1n << size) - 1n))
  const serial = part(0n, 23n)
  const first = Math.floor(serial / 32) * 8
  const within = serial % 32
  const place: CommentPlace =
    within < 8 ? { position: first + within, reply: null } : { position: first, reply: within - 8 }
  return { user: part(42n, 20n), slot: part(24n, 18n), variant: part(23n, 1n), ...place }
}
