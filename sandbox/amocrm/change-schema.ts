import { z } from 'zod'
import { changeScriptSchemaOf } from '../change-script-schema.ts'

const entity = z.enum(['contacts', 'companies']).default('contacts')
const id = z.int().optional()
/** How often. Default 1. */
const count = z.int().min(1).max(100_000).default(1)
/** Unix seconds the change is stamped with. Default: the sandbox's clock. */
const at = z.int().optional()

/** What an insert or update writes; the rest is invented. */
const entitySet = z
  .strictObject({
    name: z.string(),
    first_name: z.string(),
    last_name: z.string(),
    responsible_user_id: z.int(),
    closest_task_at: z.int().nullable(),
    /** Free text, each told as WORK. */
    phones: z.array(z.string()),
    emails: z.array(z.string()),
    /** true = `custom_fields_values: null`. */
    no_fields: z.literal(true),
    /** The company of a contact, or none. */
    company_id: z.int().nullable(),
  })
  .partial()
  .default({})

const noteSet = z
  .strictObject({ entity_id: z.int(), note_type: z.string(), params: z.unknown() })
  .partial()
  .default({})

/** Without an id, any live record is taken, by the seed. */
export const changeSchema = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('insert'), entity, set: entitySet, at, count }),
  /** `bump: false` leaves updated_at alone. Default true. */
  z.strictObject({
    op: z.literal('update'),
    entity,
    id,
    set: entitySet,
    at,
    count,
    bump: z.boolean().default(true),
  }),
  /** `trace: false`: not listed with only_deleted either. Default true. */
  z.strictObject({
    op: z.literal('delete'),
    entity,
    id,
    at,
    count,
    bump: z.boolean().default(true),
    trace: z.boolean().default(true),
  }),
  /** Gives a contact a company, another one if it has one. `bump` is false by default. */
  z.strictObject({
    op: z.literal('link'),
    id,
    company_id: z.int().optional(),
    at,
    count,
    bump: z.boolean().default(false),
  }),
  z.strictObject({ op: z.literal('unlink'), id, at, count, bump: z.boolean().default(false) }),
  /** `id` goes, `into` gets its values and notes and is updated. */
  z.strictObject({
    op: z.literal('merge'),
    entity,
    id,
    into: z.int().optional(),
    at,
    count,
    bump: z.boolean().default(true),
    trace: z.boolean().default(true),
  }),
  z.strictObject({ op: z.literal('note'), entity, set: noteSet, at, count }),
])

export const changeScriptSchema = changeScriptSchemaOf(changeSchema)

export type Change = z.infer<typeof changeSchema>
export type EntitySet = z.infer<typeof entitySet>
