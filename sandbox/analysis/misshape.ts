import type { Shape } from './faults.ts'

type Items = Record<string, unknown>[]

/** A job that ended, told in a way that the contract does not allow. */
export function misshapen(how: Shape, body: object, items: Items): Record<string, unknown> {
  if (how === 'noItems') return { ...body }
  if (how === 'itemMissing') return { ...body, items: items.slice(1) }
  if (how === 'itemExtra') {
    return { ...body, items: [...items, { ...items[0], item_id: 'nobody-sent-this' }] }
  }
  const withResult = (change: (result: unknown) => unknown) =>
    items.map((item) => ('result' in item ? { ...item, result: change(item['result']) } : item))
  if (how === 'resultText') return { ...body, items: withResult(() => 'see the attachment') }
  if (how === 'featuresNumbers') return { ...body, items: withResult(numbers) }
  return { ...body, items: withResult(percents) }
}

function numbers(result: unknown): unknown {
  return Object.fromEntries(Object.keys(Object(result)).map((name) => [name, 42]))
}

function percents(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(percents)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [
      name,
      typeof one === 'number' && /confidence|score/.test(name) ? one * 100 : percents(one),
    ]),
  )
}
