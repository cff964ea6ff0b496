/** Far more than people nest, far less than the stacks of those who read it bear. */
const deepest = 64

/**
 * Whether a JSON value can be kept as it is, by Postgres and in a file; answers why not. JSON may hold what neither can: NUL
 * characters and half surrogate pairs (Postgres refuses them in jsonb), numbers beyond what a double holds (they would
 * come back as null), and nesting that overflows whoever reads it.
 */
export function whyNotKept(value: unknown): string | undefined {
  // No recursion: the nesting may be as deep as the body is long.
  const open: { value: unknown; depth: number }[] = [{ value, depth: 0 }]
  for (let next = open.pop(); next; next = open.pop()) {
    const { value: one, depth } = next
    if (typeof one === 'string' && !isText(one)) return 'a text holds a NUL or half a character'
    if (typeof one === 'number' && !Number.isFinite(one)) return 'a number is too large'
    if (typeof one !== 'object' || one === null) continue
    if (depth === deepest) return `it is nested more than ${deepest} deep`
    if (!Array.isArray(one) && !Object.keys(one).every(isText))
      return 'a name holds a NUL or half a character'
    for (const child of Object.values(one)) open.push({ value: child, depth: depth + 1 })
  }
  return undefined
}

function isText(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}
