import type { z } from 'zod'
import type { Transformed } from '../../stream.ts'
import { validated } from '../validated.ts'

/**
 * One step of a transform: what it adds to the row, from the record as validated and from what the steps before it made.
 * Pure. What it leaves out, or undefined, is not told: the load keeps what is known.
 */
export type Step<Source, Row> = (source: Source, row: Readonly<Row>) => Partial<Row>

/** A transform: validates, makes the row's beginning (what it can't be without), then takes the steps in their order. */
export function transformBy<Schema extends z.ZodType, Row extends object>(
  schema: Schema,
  begin: (source: z.output<Schema>) => Row,
  steps: readonly Step<z.output<Schema>, Row>[],
): (payload: unknown) => Transformed<Row> {
  return (payload) =>
    validated(schema, payload, (source) =>
      steps.reduce<Row>((row, step) => Object.assign(row, step(source, row)), begin(source)),
    )
}
