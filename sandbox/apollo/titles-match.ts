const small = new Set(['of', 'the', 'and', 'for', 'in'])
/** Words of rank: two titles that share only these are not similar. */
const ranks = new Set(
  'chief officer vp vice president head director manager senior junior specialist intern lead'.split(
    ' ',
  ),
)
const short: Record<string, string> = {
  ceo: 'chief executive officer',
  cmo: 'chief marketing officer',
  cfo: 'chief finance officer',
  coo: 'chief operations officer',
  cpo: 'chief product officer',
}

/** The very title, or one that says it among other words: "marketing manager", "Senior Marketing Manager". */
export function isTitle(title: string, asked: string): boolean {
  return ` ${spelt(title)} `.includes(` ${spelt(asked)} `)
}

/** Also one of the same trade at another rank: "Head of Marketing" and "Marketing Director". */
export function isSimilarTitle(title: string, asked: string): boolean {
  if (isTitle(title, asked)) return true
  const trade = tradeOf(asked)
  return tradeOf(title).some((word) => trade.includes(word))
}

function tradeOf(title: string): string[] {
  return spelt(title)
    .split(' ')
    .filter((word) => word !== '' && !small.has(word) && !ranks.has(word))
}

function spelt(title: string): string {
  const words = title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
  return short[words] ?? words
}
