import { z } from 'zod'
import { list, optional } from './amocrm.ts'

export interface ContactChannel {
  kind: 'phone' | 'email'
  value: string
  normalized: string | null
  label: string | null
}

const kinds: Record<string, ContactChannel['kind']> = { PHONE: 'phone', EMAIL: 'email' }
/** Longer texts are no number and no address; Postgres would not take them into its index. */
const longestNormalized = 500

const field = z.looseObject({ field_code: z.string(), values: list })
const label = optional(z.union([z.string(), z.number().transform(String)]))
const valued = z.looseObject({
  value: z.union([z.string(), z.number().transform(String)]),
  enum_code: label,
  enum: label,
})

/** Phones and e-mails are multitext fields with these codes; old answers say `enum` for `enum_code` (upstreams/amocrm.md, 3). */
export function channelsOf(fields: readonly unknown[]): ContactChannel[] {
  return fields.flatMap((one) => {
    const known = field.safeParse(one)
    const kind = known.success ? kinds[known.data.field_code.toUpperCase()] : undefined
    if (!kind || !known.data) return []
    return known.data.values.flatMap((entry) => {
      const { data } = valued.safeParse(entry)
      if (!data || data.value.trim() === '') return []
      const { value, enum_code, enum: oldCode } = data
      return [
        {
          kind,
          value,
          normalized: normalizeChannel(kind, value),
          label: enum_code ?? oldCode ?? null,
        },
      ]
    })
  })
}

/** Phones are free text as typed: kept are the digits and a leading plus. Null where nothing is left. */
export function normalizeChannel(kind: ContactChannel['kind'], value: string): string | null {
  const trimmed = value.trim()
  const digits = trimmed.replace(/\D/g, '')
  const phone = digits && (trimmed.startsWith('+') ? `+${digits}` : digits)
  const normalized = kind === 'email' ? trimmed.toLowerCase() : phone
  return normalized.length > longestNormalized ? null : normalized || null
}
