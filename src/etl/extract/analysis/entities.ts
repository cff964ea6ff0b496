import { z } from 'zod'
import { loadMediaAnalysis, loadTextAnalysis } from '../../load/analysis-results.ts'
import type { Entity } from '../../stream.ts'
import {
  type MediaAnalysisRow,
  type TextAnalysisRow,
  toMediaAnalysis,
  toTextAnalysis,
} from '../../transform/analysis.ts'

const named = z.looseObject({ item_id: z.string().min(1) })
const idOf = (payload: unknown) => named.safeParse(payload).data?.item_id

/** What an image service said of a medium, under the medium's key. */
export const mediaResults: Entity<MediaAnalysisRow> = {
  source: 'vision',
  entity: 'media_analysis',
  idOf,
  transform: toMediaAnalysis,
  load: loadMediaAnalysis,
}
/** What a text service said of a text, under the text's key. */
export const textResults: Entity<TextAnalysisRow> = {
  source: 'text-ml',
  entity: 'text_analysis',
  idOf,
  transform: toTextAnalysis,
  load: loadTextAnalysis,
}
