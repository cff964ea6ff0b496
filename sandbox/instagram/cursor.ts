let salt = 0

/**
 * A cursor names the list, its owner and the last record that was handed out (null = none yet), so
 * it outlives a restart and records that come or go shift nothing. The salt makes each one new.
 */
export function writeCursor(list: string, owner: string, position: number | null): string {
  salt = (salt + 1) % 1_000_000
  const plain = `${list}|${owner}|${position ?? ''}|${salt}`
  return `QVFD${Buffer.from(plain).toString('base64url')}==`
}

/** The position in it; undefined for a cursor of another list or no cursor at all. */
export function readCursor(cursor: string, list: string, owner: string): number | null | undefined {
  const packed = /^QVFD([\w-]+)=*$/.exec(cursor)?.[1]
  if (packed === undefined) return undefined
  const [aList, anOwner, position = '', tail] = Buffer.from(packed, 'base64url')
    .toString()
    .split('|')
  if (aList !== list || anOwner !== owner || tail === undefined) return undefined
  if (position === '') return null
  return /^\d{1,10}$/.test(position) ? Number(position) : undefined
}
