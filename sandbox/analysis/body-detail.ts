/** What the log tells of a body: kind, how many items, the first of their ids. Never a text. */
export function bodyDetail(body: string): string {
  const { kind, client_ref: ref, items } = parsed(body)
  if (!Array.isArray(items)) return ''
  const ids = items.slice(0, 5).map((item: unknown) => Object(item)['item_id'])
  const facts = [
    `kind=${String(kind)}`,
    typeof ref === 'string' && `ref=${ref}`,
    `items=${items.length}`,
  ]
  return [...facts.filter(Boolean), ids.join(',')].join(' ')
}

export function itemsIn(body: string): number {
  const { items } = parsed(body)
  return Array.isArray(items) ? items.length : 0
}

function parsed(body: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(body))
  } catch {
    return {}
  }
}
