/** `filter[id][]=5` is { keys: ['filter', 'id', ''], value: '5' }. */
export type Param = { keys: readonly string[]; value: string }

/** Reads a query as PHP does: brackets raw or percent-encoded, with or without numbers in them. */
export function parseQuery(search: string): Param[] {
  return [...new URLSearchParams(search)].map(([key, value]) => {
    const bracket = key.indexOf('[')
    if (bracket <= 0) return { keys: [key], value }
    const inner = [...key.slice(bracket).matchAll(/\[([^\]]*)\]/g)].map((match) => match[1] ?? '')
    return { keys: [key.slice(0, bracket), ...inner], value }
  })
}

/** The last of several, as PHP has it. */
export function lastValue(params: readonly Param[], ...keys: string[]): string | undefined {
  return params.findLast((param) => isAt(param, keys))?.value
}

/** `filter[id][]`, `filter[id][3]` and `filter[id]`; the last plain one, or all of the list. */
export function listValues(params: readonly Param[], ...keys: string[]): string[] {
  const plain = lastValue(params, ...keys)
  const listed = params.filter(
    ({ keys: at }) =>
      at.length === keys.length + 1 &&
      keys.every((key, n) => at[n] === key) &&
      /^\d*$/.test(at.at(-1) ?? ''),
  )
  if (listed.length > 0) return listed.map((param) => param.value)
  return plain === undefined ? [] : [plain]
}

function isAt(param: Param, keys: readonly string[]): boolean {
  return param.keys.length === keys.length && keys.every((key, n) => param.keys[n] === key)
}

/** As http_build_query writes it: encoded, empty brackets numbered. So it can grow on the way. */
export function buildQuery(params: readonly Param[]): string {
  const counts = new Map<string, number>()
  const parts = params.map(({ keys: [first = '', ...rest], value }) => {
    const list = [first, ...rest].slice(0, -1).join('[')
    const inner = rest.map((key) => {
      if (key !== '') return key
      const next = counts.get(list) ?? 0
      counts.set(list, next + 1)
      return String(next)
    })
    const key = first + inner.map((one) => `[${one}]`).join('')
    return `${encodeURIComponent(key)}=${encodeURIComponent(value)}`
  })
  return parts.join('&')
}
