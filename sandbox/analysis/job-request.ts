import { z } from 'zod'

const itemId = z.string().min(1).max(200)
const webUrl = z
  .string()
  .max(4000)
  .refine((url) => /^https?:$/.test(URL.parse(url)?.protocol ?? ''), 'must be an http(s) URL')
const base64 = z
  .string()
  .min(1)
  .regex(/^[A-Za-z0-9+/]*={0,2}$/, 'must be base64')
const source = z.union(
  [
    z.object({ url: webUrl, base64: z.undefined().optional() }).transform(({ url }) => ({ url })),
    z.object({ base64, mime_type: z.string().min(3), url: z.undefined().optional() }),
  ],
  'must be either a url or base64 with its mime_type',
)

const common = {
  features: z.array(z.string().min(1)).min(1),
  client_ref: z.string().max(200).nullish(),
}
const itemsOf = <Item extends z.ZodType<{ item_id: string }>>(item: Item) =>
  z
    .array(item)
    .min(1)
    .refine(
      (items) => new Set(items.map(({ item_id: id }) => id)).size === items.length,
      'an item_id stands twice',
    )

/** A body of `POST /v1/jobs` (upstreams/ml-vision.md, 2.2). Unknown keys are ignored, as the contract has it. */
export const jobSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('image'),
    items: itemsOf(z.object({ item_id: itemId, image: source })),
    ...common,
  }),
  z.object({
    kind: z.literal('video'),
    items: itemsOf(z.object({ item_id: itemId, video: source })),
    ...common,
  }),
  z.object({
    kind: z.literal('text'),
    items: itemsOf(
      z.object({
        item_id: itemId,
        text: z.string().min(1),
        language_hint: z
          .string()
          .regex(/^[a-zA-Z]{2,3}(-[\w-]+)?$/, 'must be a language tag')
          .nullish(),
      }),
    ),
    ...common,
  }),
])

export type JobRequest = z.output<typeof jobSchema>
export type ItemRequest = JobRequest['items'][number]
export type Kind = JobRequest['kind']
