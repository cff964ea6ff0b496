import { pickBy, roll, share } from '../instagram/hash.ts'
import { hash32 } from './hash.ts'

const labels: readonly (readonly [name: string, parents: readonly string[]])[] = [
  ['Bread', ['Food']],
  ['Pastry', ['Food']],
  ['Cup', ['Tableware']],
  ['Person', []],
  ['Dog', ['Animal', 'Pet']],
  ['Cat', ['Animal', 'Pet']],
  ['Street', ['City']],
  ['Tree', ['Plant']],
  ['Flower', ['Plant']],
  ['Car', ['Vehicle']],
  ['Shoe', ['Clothing']],
  ['Window', ['Building']],
  ['Text', []],
  ['Sky', ['Nature']],
]
const emotions = ['happy', 'calm', 'surprised', 'sad'] as const
const lines: readonly (readonly [text: string, language: string])[] = [
  ['FRESH', 'en'],
  ['-20% TODAY', 'en'],
  ['ОТКРЫТО', 'ru'],
  ['Хлеб дня', 'ru'],
  ['MENÚ', 'es'],
  ['Нет в наличии ', 'ru'],
]

/** What is in the picture that a content stands for: always the same, some of it nothing at all. */
export function lookAtPicture(content: string) {
  const hash = hash32(`picture ${content}`)
  return {
    labels: several(hash, 1, 6, (seed) => {
      const [name, parents] = pickBy(seed, 1, labels)
      const boxes = several(seed, 2, 3, box)
      return { name, confidence: confidence(seed), parents: [...parents], boxes }
    }),
    faces: several(hash, 3, 3, (seed) => {
      const low = 4 + roll(seed, 2, 60)
      const emotion = { name: pickBy(seed, 3, emotions), confidence: confidence(seed) }
      return {
        box: box(seed),
        confidence: confidence(seed + 1),
        age_range: { low, high: low + 4 + roll(seed, 4, 10) },
        emotions: roll(seed, 5, 4) === 0 ? [] : [emotion],
      }
    }),
    text: several(hash, 4, 2, (seed) => {
      const [text, language] = pickBy(seed, 1, lines)
      return { text, level: 'line', confidence: confidence(seed), language, box: box(seed) }
    }),
  }
}

/** None to `most`. */
function several<T>(hash: number, salt: number, most: number, make: (seed: number) => T): T[] {
  return Array.from({ length: roll(hash, salt, most + 1) }, (_, n) =>
    make(hash32(`${hash} ${salt} ${n}`)),
  )
}

const rounded = (value: number): number => Math.round(value * 1000) / 1000
const confidence = (seed: number): number => rounded(0.5 + share(seed, 20) / 2)

/** Inside the picture, from its top left. */
function box(seed: number) {
  const left = rounded(share(seed, 21) * 0.8)
  const top = rounded(share(seed, 22) * 0.8)
  return { left, top, width: rounded((1 - left) / 2), height: rounded((1 - top) / 2) }
}
