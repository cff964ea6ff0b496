import { share } from '../instagram/hash.ts'
import { hash32 } from './hash.ts'
import type { AnalysisSettings } from './options.ts'

type OffsetUnit = AnalysisSettings['offsetUnit']

const good = /love|wow|great|best|rico|красот|шедевр|лучше|бесплатн|🔥|❤|😍|🙌/giu
const bad = /bad|awful|late|lost|never|ужас|плох|не ожидал|дорого|😡|👎/giu
const scripts: readonly (readonly [language: string, letters: RegExp])[] = [
  ['ru', /\p{Script=Cyrillic}/gu],
  ['zh', /\p{Script=Han}/gu],
  ['ar', /\p{Script=Arabic}/gu],
  ['en', /\p{Script=Latin}/gu],
]

/** Language by its letters, sentiment by some words, mentions by their signs: the same text is told the same, always. */
export function readText(text: string, offsetUnit: OffsetUnit) {
  const sentiment = sentimentOf(text)
  return {
    language: languageOf(text),
    sentiment,
    mentions: mentionsIn(text, sentiment.label, offsetUnit),
  }
}

/** `und`, and no confidence, where there are no letters. */
function languageOf(text: string) {
  const bare = text.replaceAll(/[@#][\p{L}\p{N}._]+/gu, '')
  const counted = scripts.map(([code, letters]) => ({ code, count: countOf(bare, letters) }))
  const all = counted.reduce((sum, { count }) => sum + count, 0)
  const [most] = counted.toSorted((a, b) => b.count - a.count)
  if (most === undefined || all === 0) return { code: 'und', confidence: 0 }
  const code = most.code === 'en' && /[¡¿ñ]/u.test(bare) ? 'es' : most.code
  return { code, confidence: rounded(most.count / all) }
}

function sentimentOf(text: string) {
  const [praise, blame] = [countOf(text, good), countOf(text, bad)]
  const noise = share(hash32(`sentiment ${text}`), 1) * 0.2
  const positive = rounded((praise + noise) / (praise + blame + 1))
  const negative = rounded((blame + noise / 2) / (praise + blame + 1))
  const neutral = rounded(Math.max(0, 1 - positive - negative))
  const score = rounded(positive - negative)
  return { label: labelOf(praise, blame), score, scores: { positive, neutral, negative } }
}

function labelOf(praise: number, blame: number) {
  if (praise > 0 && blame > 0) return 'mixed'
  if (praise > 0) return 'positive'
  return blame > 0 ? 'negative' : 'neutral'
}

function mentionsIn(text: string, sentiment: string, offsetUnit: OffsetUnit) {
  return [...text.matchAll(/([@#])([\p{L}\p{N}_]+(?:\.[\p{L}\p{N}_]+)*)/gu)].map(
    ({ 0: whole, 1: sign, 2: name = '', index }) => ({
      type: sign === '@' ? 'handle' : 'hashtag',
      text: whole,
      normalized: name.toLowerCase(),
      offset: lengthIn(text.slice(0, index), offsetUnit),
      length: lengthIn(whole, offsetUnit),
      offset_unit: offsetUnit,
      confidence: 1,
      ...(sign === '@' && { sentiment }),
    }),
  )
}

function lengthIn(text: string, unit: OffsetUnit): number {
  if (unit === 'byte') return Buffer.byteLength(text)
  return unit === 'codepoint' ? Array.from(text).length : text.length
}

const countOf = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0
const rounded = (value: number): number => Math.round(value * 1000) / 1000
