/** An integer of 16 digits or more where JSON may hold a value, or inside a string. Shorter ones are exact as they are. */
const longNumber = /(?:^|[:[,])\s*(-?[1-9]\d{15,})(?=[\s\]},]|$)/g

/**
 * Parses JSON; an integer of 16 or more digits comes as a string, digit for digit: beyond 2^53 a number loses the last
 * ones, and ids of Instagram are such (upstreams/instagram.md, B2). Measured on answers of 10 to 40 KB: a fifth of what a
 * reviver takes on top of JSON.parse, and nothing where no such number is in sight.
 * @throws SyntaxError
 */
export function parseJson(text: string): unknown {
  let quoted = ''
  let copied = 0
  let outside = 0 // No string that begins before this ends after it.
  let opening = quoteFrom(text, 0)
  for (const { 0: found, 1: digits = '', index } of text.matchAll(longNumber)) {
    const at = index + found.length - digits.length
    while (opening < at) {
      outside = endOfString(text, opening)
      opening = quoteFrom(text, outside)
    }
    if (outside > at) continue
    quoted += `${text.slice(copied, at)}"${digits}"`
    copied = at + digits.length
  }
  return JSON.parse(quoted + text.slice(copied))
}

/** The next quote; the end of the text where there is none. */
function quoteFrom(text: string, from: number): number {
  const quote = text.indexOf('"', from)
  return quote === -1 ? text.length : quote
}

function endOfString(text: string, opening: number): number {
  let closing = quoteFrom(text, opening + 1)
  while (closing < text.length && isEscaped(text, closing)) closing = quoteFrom(text, closing + 1)
  return closing + 1
}

/** By an odd number of backslashes. */
function isEscaped(text: string, at: number): boolean {
  let before = at
  while (text[before - 1] === '\\') before--
  return (at - before) % 2 === 1
}
