/** Text that is HTML already. Made by `html` alone, so that nothing gets into a page that was not escaped. */
export class Html {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export type Value = Html | string | number | bigint | null | undefined | false | readonly Value[]

/**
 * A template whose values are escaped, for content and for attributes in double quotes; `Html` goes in as it is, lists
 * one after the other, and null, undefined and false as nothing.
 */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  let text = parts[0] ?? ''
  for (const [n, value] of values.entries()) text += escaped(value) + (parts[n + 1] ?? '')
  return new Html(text)
}

function escaped(value: Value): string {
  if (value === null || value === undefined || value === false) return ''
  if (value instanceof Html) return value.text
  if (typeof value === 'object') return value.map(escaped).join('')
  return String(value).replaceAll(/[&<>"']/g, (character) => entities[character] ?? '')
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
