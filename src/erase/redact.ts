import type { Person } from './find-person.ts'

/** Takes a person out of words that are no records: parameters, cursors, errors. */
export interface Redact {
  /** `[erased]` for each id, name or address. */
  text(text: string): string
  /** What a call or a stream is about: a name counts only as the whole of it. */
  subject(text: string): string
  /** The same object where it does not tell of them; lists leave them out. */
  json(value: unknown): unknown
  /** Patterns for `ilike any`, that find all that may have to be redacted, and more; but not their things, which may be many. */
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
  // Of posts there may be tens of thousands: looked up, not looked for one by one.
  const bare = new Set([...ids, ...(withThings ? things : [])].map((id) => id.toLowerCase()))
  const withoutIds = (text: string) =>
    text.replaceAll(/[a-z0-9_-]+/gi, (token) =>
      bare.has(token.toLowerCase())
        ? mark
        : token.replaceAll(/[a-z0-9]+/gi, (part) => (bare.has(part.toLowerCase()) ? mark : part)),
    )
  const byAddress = addresses.map(
    (address) =>
      String.raw`(?<![\w.+-])(?:https?:\/\/)?(?:[a-z]{2,3}\.)?${escapeRegExp(bareAddress(address))}(?![\w-])`,
  )
  // A dot may end a sentence as well.
  const byName = names.map(
    (name) => String.raw`@?(?<![A-Za-z0-9._])${escapeRegExp(name)}(?![A-Za-z0-9_]|\.[A-Za-z0-9_])`,
  )
  const address = new RegExp(byAddress.join('|') || '(?!)', 'gi')
  const nameOrAddress = new RegExp([...byAddress, ...byName].join('|') || '(?!)', 'gi')
  const whole = new RegExp(`^(?:${nameOrAddress.source})$`, 'i')
  const text = (value: string) => withoutIds(value.replace(nameOrAddress, mark))
  const isThem = (value: unknown) =>
    typeof value === 'string'
      ? bare.has(value.toLowerCase()) || whole.test(value)
      : kind !== 'contact' && typeof value === 'number' && bare.has(String(value))

  function json(value: unknown): unknown {
    if (typeof value === 'string') return text(value)
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
    text,
    subject: (value) => (isThem(value) ? mark : withoutIds(value.replace(address, mark))),
    json,
    patterns: [...ids, ...names, ...addresses.map(bareAddress)].map(
      (token) => `%${token.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`,
    ),
  }
}

const escapeRegExp = (text: string) => text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`)

/** `linkedin.com/in/somebody`: it is written down with and without what stands before. */
const bareAddress = (address: string) =>
  address.replace(/^https?:\/\/(?:www\.)?/i, '').replace(/\/$/, '')
