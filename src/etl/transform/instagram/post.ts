import type { Transformed } from '../../stream.ts'
import { type Medium, medium, timeOf } from './medium.ts'
import { type MediaType, mediaTypeOf } from './post-media.ts'
import type { PostRow } from './post-row.ts'
import * as steps from './post-steps.ts'
import { type Step, transformBy } from './steps.ts'

/** What every post has, whichever form it came in. */
const known = medium
  .transform((told) => ({ ...told, type: mediaTypeOf(told.media_type) }))
  .refine((told) => told.type !== undefined, {
    path: ['media_type'],
    message: 'is none that we know',
  })

const begin = (told: Medium & { type?: MediaType | undefined }): PostRow => ({
  external_id: told.pk ?? told.id ?? '',
  media_type: told.type ?? 'photo',
  taken_at: timeOf(told) ?? '',
})

/** In their order: a step sees what those before it made. */
const postSteps: readonly Step<Medium, PostRow>[] = [
  steps.names,
  steps.owner,
  steps.kind,
  steps.expiry,
  steps.caption,
  steps.mentionsAndHashtags,
  steps.tagged,
  steps.figures,
  steps.flags,
  steps.place,
  steps.media,
]

export const toPost: (payload: unknown) => Transformed<PostRow> = transformBy(
  known,
  begin,
  postSteps,
)
