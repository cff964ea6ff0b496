import { z } from 'zod'
import { entities, type Source } from '../etl/entities.ts'
import type { Entity } from '../etl/stream.ts'

const sources = Object.keys(entities) as Source[]
const namesOf = (some: readonly Source[]) => [
  ...new Set(some.flatMap((source) => entities[source].map(({ entity }) => entity))),
]
const oneOf = (what: string, names: readonly string[]) => ({
  error: `there is no such ${what}; there is ${names.join(', ')}`,
})

/** A moment, or the beginning of a day (UTC). */
const moment = z.union([z.iso.datetime({ offset: true }), z.iso.date()], {
  error: 'must be a time such as 2026-11-22T02:00:00Z, or a date',
})

export const replayParams = z
  .strictObject({
    source: z.enum(sources, oneOf('source', sources)).optional(),
    entity: z.enum(namesOf(sources), oneOf('entity', namesOf(sources))).optional(),
    since: moment.optional().describe('fetched from then on'),
    until: moment.optional().describe('fetched before'),
    jobCall: z
      .uuid('must be the id of a job call')
      .optional()
      .describe('last written by it or a call under it'),
    serviceCall: z
      .uuid('must be the id of a service call')
      .optional()
      .describe('last written by it'),
  })
  .superRefine(({ source, entity, since, until }, context) => {
    if (source && entity && !namesOf([source]).includes(entity))
      context.addIssue({
        code: 'custom',
        path: ['entity'],
        message: `there is no such entity of ${source}; there is ${namesOf([source]).join(', ')}`,
      })
    if (since && until && new Date(since) >= new Date(until))
      context.addIssue({ code: 'custom', path: ['until'], message: 'must be after since' })
  })
export type ReplayParams = z.output<typeof replayParams>

/** What the parameters name, in the order of `entities`. */
export function kindsOf({
  source,
  entity,
}: ReplayParams): { source: Source; entity: Entity<object> }[] {
  return sources
    .filter((one) => source === undefined || one === source)
    .flatMap((one) => entities[one].map((kind) => ({ source: one, entity: kind })))
    .filter((kind) => entity === undefined || kind.entity.entity === entity)
}
