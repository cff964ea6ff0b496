import { z } from 'zod'
import type { Transformed } from '../stream.ts'
import { validated } from './validated.ts'
import { fromReplicate } from './replicate.ts'

/** A row of `media_analysis`. null: the service does not tell of this; an empty list: it found none. */
export interface MediaAnalysisRow {
  media_key: string
  labels: object[] | null
  faces: object[] | null
  texts: object[] | null
  description: string | null
  model: string | null
}

/** A row of `text_analysis`. */
export interface TextAnalysisRow {
  text_key: string
  language: string | null
  language_confidence: number | null
  sentiment: string | null
  sentiment_score: number | null
  sentiment_scores: object | null
  mentions: object[] | null
  model: string | null
}

const told = z.looseObject({
  item_id: z.string().min(1),
  model: z
    .string()
    .nullish()
    .transform((name) => name ?? null),
})

/** Of 1; a service that tells percents must not pass for one that is very sure. */
const confidence = z.number().min(0).max(1).nullish()
const box = z.looseObject({
  left: z.number(),
  top: z.number(),
  width: z.number(),
  height: z.number(),
})
/** A feature that the service cannot do is not there. */
const listOf = <T extends z.ZodRawShape>(shape: T) =>
  z
    .array(z.looseObject(shape))
    .nullish()
    .transform((list) => list ?? null)

const found = z
  .looseObject({
    labels: listOf({
      name: z.string().min(1),
      confidence,
      parents: z.array(z.string()).nullish(),
      boxes: z.array(box).nullish(),
    }),
    faces: listOf({
      box: box.nullish(),
      confidence,
      age_range: z.looseObject({ low: z.number(), high: z.number() }).nullish(),
      emotions: z.array(z.looseObject({ name: z.string(), confidence })).nullish(),
    }),
    text: listOf({ text: z.string(), confidence, level: z.string().nullish(), box: box.nullish() }),
    description: z
      .string()
      .nullish()
      .transform((words) => words ?? null),
  })
  .refine(tellsAnything, 'it tells nothing')
const ofMedium = told.extend({ result: z.preprocess(fromReplicate, found) })

/** What was found in a photo or video: as the contract has it, or as a model on Replicate puts it. */
export function toMediaAnalysis(payload: unknown): Transformed<MediaAnalysisRow> {
  return validated(ofMedium, payload, ({ item_id: media_key, model, result }) => {
    const { labels, faces, text: texts, description } = result
    return { media_key, labels, faces, texts, description, model }
  })
}

const read = z
  .looseObject({
    language: z.looseObject({ code: z.string().min(1), confidence }).nullish(),
    sentiment: z
      .looseObject({
        label: z.string().min(1),
        score: z.number().min(-1).max(1).nullish(),
        scores: z.record(z.string(), z.number().min(0).max(1)).nullish(),
      })
      .nullish(),
    mentions: listOf({
      type: z.string(),
      text: z.string(),
      normalized: z.string().nullish(),
      offset: z.int().min(0).nullish(),
      length: z.int().min(0).nullish(),
      offset_unit: z.string().nullish(),
      confidence,
    }),
  })
  .refine(tellsAnything, 'it tells nothing')
const ofText = told.extend({ result: read })

/** What was read in a text. */
export function toTextAnalysis(payload: unknown): Transformed<TextAnalysisRow> {
  return validated(ofText, payload, ({ item_id: text_key, model, result }) => {
    const { language, sentiment, mentions } = result
    return {
      text_key,
      language: language?.code ?? null,
      language_confidence: language?.confidence ?? null,
      sentiment: sentiment?.label ?? null,
      sentiment_score: sentiment?.score ?? null,
      sentiment_scores: sentiment?.scores ?? null,
      mentions,
      model,
    }
  })
}

function tellsAnything(result: object): boolean {
  return Object.values(result).some((value) => value !== null && value !== undefined)
}
