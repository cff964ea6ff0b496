import { describe, expect, test } from 'vitest'
import { toMediaAnalysis, toTextAnalysis } from '../../src/etl/transform/analysis.ts'

const medium = (result: unknown) =>
  toMediaAnalysis({ item_id: 'instagram/1', model: 'some', result })
const text = (result: unknown) => toTextAnalysis({ item_id: 'ab12', model: 'some', result })

describe('what was found in a medium', () => {
  test('an empty list is that, and what the service does not tell is null', () => {
    expect(medium({ labels: [], other: 1 })).toEqual({
      row: {
        media_key: 'instagram/1',
        labels: [],
        faces: null,
        texts: null,
        description: null,
        model: 'some',
      },
    })
  })

  test.each([
    ['words', 'a dog on a sofa', { description: 'a dog on a sofa' }],
    ['words in pieces', ['a dog', ' on', ' a sofa'], { description: 'a dog on a sofa' }],
    ['tags', { tags: 'dog, sofa' }, { labels: [{ name: 'dog' }, { name: 'sofa' }] }],
    [
      'detections',
      { detections: [{ label: 'dog', score: 0.9 }] },
      { labels: [{ name: 'dog', confidence: 0.9 }] },
    ],
    ['a list', [{ class: 'dog', confidence: 0.9 }], { labels: [{ name: 'dog', confidence: 0.9 }] }],
    [
      'the contract',
      { labels: [], faces: [], text: [{ text: 'FRESH' }] },
      { texts: [{ text: 'FRESH' }] },
    ],
  ])('by a model on Replicate: %s', (_, output, row) => {
    expect(medium({ output })).toMatchObject({ row })
  })

  test.each([
    [{ output: 17 }],
    [{ output: { detections: [{ box: 1 }] } }],
    ['a text'],
    [{}],
    [null],
    [{ labels: 7 }],
    [{ labels: [{ name: 'dog', confidence: 97 }] }],
    [{ faces: [{ box: { left: 1 } }] }],
  ])('not %j', (result) => {
    expect(medium(result)).toEqual({ reject: expect.stringMatching(/^result/) })
  })
})

describe('what was read in a text', () => {
  test('language, sentiment and mentions, each where it is told', () => {
    const mention = { type: 'handle', text: '@demo', offset: 3, length: 5, offset_unit: 'utf16' }
    expect(
      text({
        language: { code: 'en', confidence: 0.9 },
        sentiment: { label: 'positive', score: 0.8, scores: { positive: 0.9, negative: 0.1 } },
        mentions: [mention],
      }),
    ).toEqual({
      row: {
        text_key: 'ab12',
        language: 'en',
        language_confidence: 0.9,
        sentiment: 'positive',
        sentiment_score: 0.8,
        sentiment_scores: { positive: 0.9, negative: 0.1 },
        mentions: [mention],
        model: 'some',
      },
    })
    expect(text({ sentiment: { label: 'mixed' } })).toMatchObject({
      row: { sentiment: 'mixed', sentiment_score: null, language: null, mentions: null },
    })
  })

  test.each([
    [{ sentiment: 'positive' }],
    [{ sentiment: { label: 'positive', score: 4 } }],
    [{ mentions: [{ text: '@demo' }] }],
    [{ language: { code: '' } }],
    [{}],
    [undefined],
  ])('not %j', (result) => {
    expect(text(result)).toEqual({ reject: expect.stringMatching(/^result/) })
  })
})
