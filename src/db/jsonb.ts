/** NUL and lone surrogates, escaped as JSON.stringify does; an even run of backslashes before is text. */
const unstorable = /(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/gi

/** JSON that Postgres takes as jsonb: what it can't store in text (NUL, lone surrogates) becomes U+FFFD. */
export function toJsonb(value: unknown): string {
  return storable(JSON.stringify(value))
}

export function storable(json: string): string {
  return json.includes('\\u') ? json.replace(unstorable, '$1\\ufffd') : json
}
