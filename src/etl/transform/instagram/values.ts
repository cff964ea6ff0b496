import { z } from 'zod'
import { optional } from '../amocrm.ts'

/*
 * What both routes write in more than one way. Refused is what a row could not do without or would tell wrongly: a record
 * without id, owner or time, a count that is no number. Other oddities cost just the part that has them.
 */

/** A number or digits (upstreams/instagram.md, B2). Beyond 2^53 a number has lost its last digits before it comes here. */
export const id = z
  .union(
    [z.int().positive(), z.string().regex(/^[1-9]\d{0,30}$/, 'must be a whole number')],
    'must be a whole number, below 2^53 or as text',
  )
  .transform(String)

/** Ids are also told with their owner's, `<pk>_<userpk>`, or their kind, `highlight:<pk>`: kept is the pk. */
export const idInside = z.preprocess(
  (value) => (typeof value === 'string' ? value.replace(/^[a-z]+:|_\d*$/g, '') : value),
  id,
)

/** null tells nothing either: undefined, so that it overwrites nothing (A3: an absent key is unknown, never 0). */
export const untold = <T extends z.ZodType>(schema: T) =>
  schema.nullish().transform((value) => value ?? undefined)

/** What can be done without: undefined where it is of a shape that we do not know. */
export const ifKnown = <T extends z.ZodType>(schema: T) =>
  optional(schema).transform((value) => value ?? undefined)

const number = z.union(
  [
    z.int(),
    z
      .string()
      .regex(/^-?\d{1,16}$/)
      .transform(Number),
  ],
  'must be a whole number',
)
/** Below zero stands for what may not be known (hidden likes). */
export const count = untold(number.pipe(z.int()))
export const positiveCount = count.transform((value) =>
  value !== undefined && value < 0 ? undefined : value,
)

export const flag = ifKnown(z.boolean())
export const text = z.string().max(100_000)
/** A line of text; '' tells that there is none. */
export const line = untold(text).transform((value) =>
  value === undefined ? undefined : value.trim() || null,
)
export const address = ifKnown(z.string().regex(/^https?:\/\//i))

const year3000 = 32_503_680_000
const epochSeconds = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\d{1,11}$/)
      .transform(Number),
  ])
  .pipe(z.number().min(0).max(year3000))
  .transform((seconds) => new Date(seconds * 1000).toISOString())

/** ISO 8601, or as the Graph API has it: `2026-01-05T08:00:00+0000`, no colon in the offset (A). UTC where none is told. */
const isoTime = z.string().transform((value, context) => {
  const [, time, sign, hours, minutes] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(?:Z|([+-])(\d\d):?(\d\d))?$/.exec(
      value.trim().replace(' ', 'T'),
    ) ?? []
  const at = new Date(`${time}${sign ? `${sign}${hours}:${minutes}` : 'Z'}`)
  if (!Number.isNaN(at.getTime())) return at.toISOString()
  context.addIssue('is no time')
  return z.NEVER
})

export const moment = z.union([epochSeconds, isoTime], 'is no time')

/** A list of which the entries of a known shape are kept. */
export const listOf = <T extends z.ZodType>(schema: T) =>
  ifKnown(
    z.array(z.unknown()).transform((all) =>
      all.flatMap((one) => {
        const parsed = schema.safeParse(one)
        return parsed.success ? [parsed.data] : []
      }),
    ),
  )

/** Whoever stands beside a record. */
export const person = z.looseObject({
  pk: id.optional(),
  id: id.optional(),
  username: ifKnown(z.string().min(1).max(100)),
})
export type Person = z.output<typeof person>

export const idOfPerson = ({ pk, id: other }: Person): string | undefined => pk ?? other
