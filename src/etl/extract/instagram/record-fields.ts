import { z } from 'zod'
import { isObject } from '../../../is-object.ts'

const id = z.union([z.string().min(1), z.number()]).transform(String)
const withPk = z.object({ pk: id })
const withId = z.object({ id })

/** A record's `pk` as text: it comes as a number here and a string there (upstreams/instagram.md, B2). */
export function pkOf(record: unknown): string | undefined {
  return withPk.safeParse(record).data?.pk
}

/** What tells a record apart in its list: the crawler's `pk`, or the official API's `id`. */
export function idInList(record: unknown): string | undefined {
  return pkOf(record) ?? withId.safeParse(record).data?.id
}

/** A record with what its list knows of it and it may not tell itself. What is no record stays as it is, for the transform to say so. */
export function completed(record: unknown, more: Record<string, unknown>): unknown {
  if (!isObject(record)) return record
  const whole = { ...record }
  for (const [key, value] of Object.entries(more)) whole[key] ??= value
  return whole
}
