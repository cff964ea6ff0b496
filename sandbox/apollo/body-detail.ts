/** What the log tells of a body: page and size of a search, how many people of an enrichment and their ids. */
export function bodyDetail(body: string): string {
  const said = parsed(body)
  const { page, per_page: perPage, include_similar_titles: similar } = said
  const ids = idsOf(said)
  const facts = [
    typeof page === 'number' && `page=${page}`,
    typeof perPage === 'number' && `per_page=${perPage}`,
    typeof similar === 'boolean' && `similar=${similar}`,
    Array.isArray(said['person_titles']) && `titles=${said['person_titles'].length}`,
    'q_keywords' in said && 'keywords',
    ids.length > 0 && `ids=${ids.join(',')}`,
  ]
  return facts.filter(Boolean).join(' ')
}

export function idsIn(body: string): number {
  return idsOf(parsed(body)).length
}

function idsOf({ details }: Record<string, unknown>): string[] {
  if (!Array.isArray(details)) return []
  return details.slice(0, 100).map((one: unknown) => {
    const id = isObject(one) ? one['id'] : undefined
    return typeof id === 'string' ? id.slice(0, 24) : '?'
  })
}

function parsed(body: string): Record<string, unknown> {
  try {
    const said: unknown = JSON.parse(body)
    return isObject(said) ? said : {}
  } catch {
    return {}
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
