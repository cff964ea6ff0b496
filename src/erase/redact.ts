import type { Person } from './find-person.ts'

/** Takes a person out of words that are no records: parameters, cursors, errors. */
export interface Redact {
  /** `[erased]` for each id, name or address. */
  text(text: string): string
  /** What a call or a stream is about: a name counts only as the whole of it. */
  subject(text: string): string
  /** The same object where it does not tell of them; lists leave them out. */
  json(value: unknown): unknown
  /** Patterns for `ilike any`, that find all that may have to be redacted, and more. */
  patterns: string[]
}

export const mark = '[erased]'

/** Keys of words of our own in what calls of profiles say: who is called `comments` is not told by the parts that were read. */
const ownWords = new Set(['kind', 'service', 'operation', 'parts', 'source', 'entity', 'status'])

/** @param ids whether bare ids count too: where they are so short that they may be anything, they don't */
export function redactor(
  { ids, names, addresses, things, kind }: Person,
  { withThings = false } = {},
): Redact {
  const bare = [...ids, ...(withThings ? things : [])]
  const unmistakable = [
    ...bare.map((id) => String.raw`(?<![A-Za-z0-9])${escapeRegExp(id)}(?![A-Za-z0-9])`),
    ...addresses.map(
      (address) =>
        String.raw`(?<![\w.+-])(?:https?:\/\/)?(?:[a-z]{2,3}\.)?${escapeRegExp(bareAddress(address))}(?![\w-])`,
    ),
  ]
  // A dot may end a sentence as well.
  const byName = names.map(
    (name) => String.raw`@?(?<![A-Za-z0-9._])${escapeRegExp(name)}(?![A-Za-z0-9_]|\.[A-Za-z0-9_])`,
  )
  const nameless = new RegExp(unmistakable.join('|') || '(?!)', 'gi')
  const pattern = new RegExp([...unmistakable, ...byName].join('|') || '(?!)', 'gi')
  const whole = new RegExp(`^(?:${pattern.source})$`, 'i')
  const isThem = (value: unknown) =>
    typeof value === 'string'
      ? whole.test(value)
      : kind !== 'contact' && typeof value === 'number' && bare.includes(String(value))

  function json(value: unknown): unknown {
    if (typeof value === 'string') return value.replace(pattern, mark)
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) {
      const kept = value.filter((item) => !isThem(item)).map(json)
      return kept.length === value.length && kept.every((item, n) => item === value[n])
        ? value
        : kept
    }
    const entries = Object.entries(value).map(([key, inside]: [string, unknown]) => {
      const isOurs = kind === 'profile' && ownWords.has(key)
      return [key, inside, isOurs ? inside : isThem(inside) ? mark : json(inside)] as const
    })
    return entries.every(([, before, after]) => before === after)
      ? value
      : Object.fromEntries(entries.map(([key, , after]) => [key, after]))
  }

  return {
    text: (text) => text.replace(pattern, mark),
    subject: (text) => (whole.test(text) ? mark : text.replace(nameless, mark)),
    json,
    patterns: [...bare, ...names, ...addresses.map(bareAddress)].map(
      (token) => `%${token.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`,
    ),
  }
}

const escapeRegExp = (text: string) => text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`)

/** `linkedin.com/in/somebody`: it is written down with and without what stands before. */
const bareAddress = (address: string) =>
  address.replace(/^https?:\/\/(?:www\.)?/i, '').replace(/\/$/, '')
