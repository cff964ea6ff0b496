import type { Item, Job } from './job.ts'
import type { AnalysisParts } from './parts.ts'
import { lookAtPicture } from './picture.ts'
import { readText } from './read-text.ts'

/**
 * What the service finds: by the content alone, so the same content is told the same anywhere and
 * at any time. A feature that nobody asked for, or that the service can't do, is an absent key.
 */
export function resultOf(
  { settings }: AnalysisParts,
  { kind, features }: Pick<Job, 'kind' | 'features'>,
  { content, text }: Pick<Item, 'content' | 'text'>,
): Record<string, unknown> {
  const all = kind === 'text' ? readText(text, settings.offsetUnit) : lookAtPicture(content)
  const told = Object.entries(all).filter(
    ([name]) => features.includes(name) && settings.features.includes(name),
  )
  return Object.fromEntries(told)
}
