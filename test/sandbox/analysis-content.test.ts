import { array, assert, constantFrom, property, string } from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { lookAtPicture } from '../../sandbox/analysis/picture.ts'
import { readText } from '../../sandbox/analysis/read-text.ts'
import { objectIn } from './with-apollo.ts'
import { itemOf, jobIn, pictures, texts, withAnalysis } from './with-analysis.ts'

test('files of the sandbox’s Instagram: one result per medium, and none by an address that is over', async () => {
  const { vision, sandbox } = await withAnalysis()
  const read = async (path: string) => {
    const headers = { 'x-access-key': 'sandbox-key' }
    const response = await fetch(`${sandbox.baseUrls.instagram}${path}`, { headers })
    return objectIn(response)
  }
  const admin = (path: string, init: RequestInit) => fetch(`${sandbox.url}/_sandbox${path}`, init)
  const state = await (await admin('/instagram/state?kind=posts', {})).text()
  const pk: string = state
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
    .find(({ product_type: product, in_feed: inFeed }) => inFeed && product === 'feed').pk
  const addresses = async (): Promise<string[]> => {
    const { image_versions: versions } = await read(`/v1/media/by/id?id=${pk}`)
    return Object.values(Object(versions)).map((version) => Object(version).url)
  }
  const look = async (...urls: string[]) => {
    const { id } = await jobIn(await vision.submit(pictures(...urls)))
    await vision.finish()
    return jobIn(await vision.get(id))
  }
  const [old, fresh] = [await addresses(), await addresses()]
  expect(new Set([...old, ...fresh]).size).toBe(4)
  const job = await look(...old, ...fresh)
  const results = ['m0', 'm1', 'm2', 'm3'].map((id) => itemOf(job, id).result)
  expect(new Set(results.map((result) => JSON.stringify(result))).size).toBe(1)
  expect(await vision.lines('/analysed')).toMatchObject([{ content: `media:${pk}`, succeeded: 4 }])

  const forged = (old[0] ?? '').replace(/oe=\w+/, 'oe=ffffffff')
  expect(itemOf(await look(forged), 'm0').error).toMatchObject({ code: 'fetch_failed' })
  await admin('/instagram/expire-addresses', { method: 'POST' })
  const [again = ''] = await addresses()
  const mixed = await look(old[0] ?? '', again)
  expect(itemOf(mixed, 'm0').error).toMatchObject({ code: 'fetch_failed', retriable: true })
  expect(itemOf(mixed, 'm1').status).toBe('succeeded')
  await vision.advance(3 * 86_400)
  expect(itemOf(await look(again), 'm0').error).toMatchObject({ code: 'fetch_failed' })
})

/** From being accepted to being due, in ms, by key. */
async function times(seed: number) {
  const { textMl } = await withAnalysis({ seed, minSeconds: 1, maxSeconds: 120 })
  const all = Array.from({ length: 40 }, (_, n) => textMl.submit(texts(`text ${n}`), `k${n}`))
  await Promise.all(all)
  const jobs = await textMl.lines<{ key: string; created_at: string; due_at: string }>('/jobs')
  const spans = jobs.map(({ key, created_at: from, due_at: to }) => {
    return [key, Date.parse(to) - Date.parse(from)] as const
  })
  return Object.fromEntries(spans.toSorted(([a], [b]) => a.localeCompare(b)))
}

test('how long a job takes follows from what is in it, between the two bounds', async () => {
  const [one, same, other] = await Promise.all([times(1), times(1), times(2)])
  expect(same).toEqual(one)
  expect(other).not.toEqual(one)
  const seconds = Object.values(one).map((ms) => ms / 1000)
  expect(Math.min(...seconds)).toBeGreaterThanOrEqual(1)
  expect(Math.max(...seconds)).toBeLessThanOrEqual(120)
  expect(Math.max(...seconds) - Math.min(...seconds)).toBeGreaterThan(60)
})

test('items can be told while the job runs, one after the other', async () => {
  const { textMl } = await withAnalysis({
    minSeconds: 100,
    maxSeconds: 100,
    itemsWhileRunning: true,
  })
  const { id } = await jobIn(await textMl.submit(texts('a', 'b', 'c', 'd')))
  const done = []
  for (let step = 0; step < 6; step++) {
    const { items } = await jobIn(await textMl.get(id))
    done.push(items?.filter(({ status }) => status === 'succeeded').length)
    await textMl.advance(20.2)
  }
  expect(done).toEqual([0, 0, 1, 2, 3, 4])
})

test('mentions stand where they are said to, in each unit', () => {
  const word = constantFrom('@demo.bakery', '#хлеб', 'Zoë', '👩‍🍳', 'a', ' ', '\n', '@', '小明')
  assert(
    property(array(word), (words) => {
      const text = words.join('')
      for (const { text: said, offset, length } of readText(text, 'utf16').mentions) {
        expect(text.slice(offset, offset + length)).toBe(said)
      }
      for (const { text: said, offset, length } of readText(text, 'codepoint').mentions) {
        expect(
          Array.from(text)
            .slice(offset, offset + length)
            .join(''),
        ).toBe(said)
      }
      for (const { text: said, offset, length } of readText(text, 'byte').mentions) {
        expect(
          Buffer.from(text)
            .subarray(offset, offset + length)
            .toString(),
        ).toBe(said)
      }
      const { scores, score } = readText(text, 'utf16').sentiment
      expect(scores.positive + scores.neutral + scores.negative).toBeCloseTo(1, 2)
      expect(Math.abs(score)).toBeLessThanOrEqual(1)
    }),
  )
})

const ratio = z.number().min(0).max(1)
const box = z
  .strictObject({ left: ratio, top: ratio, width: ratio, height: ratio })
  .refine(({ left, top, width, height }) => left + width <= 1 && top + height <= 1)
const findings = z.strictObject({
  labels: z.array(
    z.strictObject({
      name: z.string(),
      confidence: ratio,
      parents: z.array(z.string()),
      boxes: z.array(box),
    }),
  ),
  faces: z.array(
    z.strictObject({
      box,
      confidence: ratio,
      age_range: z.strictObject({ low: z.int(), high: z.int() }),
      emotions: z.array(z.strictObject({ name: z.string(), confidence: ratio })),
    }),
  ),
  text: z.array(
    z.strictObject({
      text: z.string(),
      level: z.literal('line'),
      confidence: ratio,
      language: z.string(),
      box,
    }),
  ),
})

test('what is in a picture is as the contract has it, some of it nothing, and always the same', () => {
  const empty = new Set<string>()
  assert(
    property(string(), (content) => {
      const found = findings.parse(lookAtPicture(content))
      expect(lookAtPicture(content)).toEqual(found)
      for (const [name, list] of Object.entries(found)) if (list.length === 0) empty.add(name)
    }),
  )
  expect(empty).toEqual(new Set(['labels', 'faces', 'text']))
})
