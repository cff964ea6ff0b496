import { z } from 'zod'

const list = z.array(z.unknown())
const label = z.looseObject({
  label: z.string().optional(),
  name: z.string().optional(),
  class: z.string().optional(),
  confidence: z.number().optional(),
  score: z.number().optional(),
})
/** A model may have been made to tell what the contract asks for. */
const findings = z.union([
  z.looseObject({ faces: list }),
  z.looseObject({ text: list }),
  z.looseObject({ labels: z.array(z.looseObject({ name: z.string() })).min(1) }),
])
const output = z.looseObject({
  labels: list.optional(),
  tags: z.union([list, z.string()]).optional(),
  detections: list.optional(),
  caption: z.string().optional(),
  description: z.string().optional(),
  text: z.string().optional(),
})

/**
 * The output of a model on Replicate in the contract's words. Its shape depends on the model: words (as a text, or a list of
 * pieces as language models stream them), a list of labels, or an object with either. Anything else comes out as undefined; what is no
 * output of Replicate, as it is.
 */
export function fromReplicate(result: unknown): unknown {
  const wrapped = z.strictObject({ output: z.unknown() }).safeParse(result)
  return wrapped.success ? outputOf(wrapped.data.output) : result
}

function outputOf(told: unknown): object | undefined {
  if (typeof told === 'string') return { description: told.trim() }
  if (Array.isArray(told)) {
    const pieces = z.array(z.string()).safeParse(told)
    if (pieces.success) return { description: pieces.data.join('').trim() }
    const labels = labelsOf(told)
    return labels && { labels }
  }
  if (findings.safeParse(told).success) return told as object
  const parsed = output.safeParse(told)
  if (!parsed.success) return undefined
  const { labels, tags, detections, caption, description, text } = parsed.data
  const words = caption ?? description ?? text
  const all = labels ?? detections ?? (typeof tags === 'string' ? tags.split(',') : tags)
  const found = all && labelsOf(all)
  if (all && !found) return undefined
  if (!found && words === undefined) return undefined
  return { ...(found && { labels: found }), ...(words !== undefined && { description: words }) }
}

/** Undefined where one of them is no label. */
function labelsOf(told: readonly unknown[]): object[] | undefined {
  const labels = told.map((one) => {
    if (typeof one === 'string') return one.trim() ? { name: one.trim() } : undefined
    const parsed = label.safeParse(one)
    const { label: word, name, class: kind, confidence, score } = parsed.data ?? {}
    const named = name ?? word ?? kind
    return named ? { name: named, confidence: confidence ?? score } : undefined
  })
  return labels.every((one) => one !== undefined) ? labels : undefined
}
