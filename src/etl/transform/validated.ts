import type { z } from 'zod'
import type { Transformed } from '../stream.ts'

/** A payload as a row, or the reasons why it is refused. */
export function validated<T extends z.ZodType, Row>(
  schema: T,
  payload: unknown,
  normalize: (record: z.output<T>) => Row,
): Transformed<Row> {
  const parsed = schema.safeParse(payload)
  if (parsed.success) return { row: normalize(parsed.data) }
  const reasons = parsed.error.issues.map((issue) =>
    [issue.path.join('.'), issue.message].filter(Boolean).join(': '),
  )
  return { reject: reasons.join('; ') }
}
