import { z } from 'zod'

/*
 * Fields that come in more than one way, each read in one step: the same as unions and pipes of zod took four times as long,
 * and that was a third of what a record costs.
 */

/** What a reader says to a value of a shape that it does not know. */
export const refused = Symbol('refused')

/** Reads a value in whichever way it was written. */
export interface Reader<T> {
  read: (value: unknown) => T | typeof refused
  /** What it has to be, for whoever reads the reject. */
  due: string
}

/** What a record could not do without. */
export const required = <T>(reader: Reader<T>) =>
  z.transform((value: unknown, context): T => knownOr(reader, value, context))

/** null tells nothing either: undefined, so that it overwrites nothing (A3: an absent key is unknown, never 0). */
export const untold = <T>(reader: Reader<T>) =>
  z.transform((value: unknown, context): T | undefined =>
    isNothing(value) ? undefined : knownOr(reader, value, context),
  )

/** null tells that there is none. */
export const orNone = <T>(reader: Reader<T>) =>
  z.transform((value: unknown, context): T | null | undefined =>
    isNothing(value) ? value : knownOr(reader, value, context),
  )

/** What can be done without: undefined where it is of a shape that we do not know. */
export const ifKnown = <T>({ read }: Pick<Reader<T>, 'read'>) =>
  z.transform((value: unknown): T | undefined => {
    const known = isNothing(value) ? refused : read(value)
    return known === refused ? undefined : known
  })

/** An object within a record. */
export const object = <Shape extends z.ZodRawShape>(shape: Shape) => by(z.object(shape))

/** What a schema takes. */
export const by = <Schema extends z.ZodType>(schema: Schema): Reader<z.output<Schema>> => ({
  read: (value) => {
    const { success, data } = schema.safeParse(value)
    return success ? data : refused
  },
  due: 'is of no shape that we know',
})

/** A list, of which the entries of a known shape are kept. */
export const listOf = <T>({ read }: Pick<Reader<T>, 'read'>): Reader<T[]> => ({
  read: (value) =>
    Array.isArray(value)
      ? value.flatMap((one) => {
          const known = read(one)
          return known === refused ? [] : [known]
        })
      : refused,
  due: 'must be a list',
})

function knownOr<T>({ read, due }: Reader<T>, value: unknown, context: z.RefinementCtx): T {
  const known = read(value)
  if (known !== refused) return known
  context.addIssue(due)
  return z.NEVER
}

const isNothing = (value: unknown): value is null | undefined =>
  value === null || value === undefined
