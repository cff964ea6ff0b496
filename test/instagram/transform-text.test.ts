import { array, assert, constantFrom, property, string, stringMatching, tuple } from 'fast-check'
import { expect, test } from 'vitest'
import { shortcodeIn, shortcodeOf } from '../../src/etl/transform/instagram/shortcode.ts'
import { withoutSignatures } from '../../src/etl/transform/instagram/signatures.ts'
import { hashtagsOf, mentionsOf } from '../../src/etl/transform/instagram/text.ts'
import { signed } from './records.ts'

test.each([
  ['With @Anna.K and @anna.k.', ['anna.k']],
  ['@a,@b;@c!(@d)…«@e»\n@f', ['a', 'b', 'c', 'd', 'e', 'f']],
  ['.@first -@second "@third"', ['first', 'second', 'third']],
  ['mail anna@bread.shop or имя@почта.рф, имя@mail.ru, a_b@c.de', []],
  ['https://www.tiktok.com/@other', []],
  ['感谢@name你好 ขอบคุณ@thai', ['name', 'thai']],
  [`@${'a'.repeat(30)} @${'b'.repeat(31)} @... @имя @`, ['a'.repeat(30)]],
  ['@__under__ @1.2.3', ['__under__', '1.2.3']],
  ['@@twice', ['twice']],
])('mentions of %s', (text, names) => {
  expect(mentionsOf(text)).toEqual(names)
})

test.each([
  ['#Bread #bread, #хлеб! #パン #ขนมปัง #خبز', ['bread', 'хлеб', 'パン', 'ขนมปัง', 'خبز']],
  ['#a#b＃c', ['a', 'b', 'c']],
  ['#हिन्दी #café #cafe\u0301', ['हिन्दी', 'café']],
  ['#👩‍🍳 #pizza🍕 #🇷🇸', ['👩‍🍳', 'pizza🍕', '🇷🇸']],
  ['text#none &#39; https://a.test/#none #️⃣ # #! ##', []],
  ['#with-dash #under_score #2026', ['with', 'under_score', '2026']],
  [`#${'x'.repeat(101)}`, []],
])('hashtags of %s', (text, names) => {
  expect(hashtagsOf(text)).toEqual(names)
})

const username = stringMatching(/^[a-z0-9._]{0,29}[a-z0-9_]$/)
const hashtag = stringMatching(/^[a-zа-яё0-9_]{1,30}$/)

test('what is mentioned or tagged among other words is found, once, in its order', () => {
  const words = array(tuple(username, hashtag, constantFrom(' и ', '\n', ' … ', ' 😀 ')))
  assert(
    property(words, (all) => {
      const text = all.map(([name, tag, word]) => `@${name.toUpperCase()}${word}#${tag}${word}`)
      expect(mentionsOf(text.join(''))).toEqual([...new Set(all.map(([name]) => name))])
      expect(hashtagsOf(text.join(''))).toEqual([...new Set(all.map(([, tag]) => tag))])
    }),
  )
})

test('whatever the text, what is found is a name and stands in the text', () => {
  const alphabet = constantFrom(
    ...'@ @ # # . . _ a Z 9 я 語 é 👩 \u200d 🍳 \u0301 / & - \ud83d \u0000'.split(' '),
    ' ',
  )
  assert(
    property(string({ unit: alphabet, maxLength: 60 }), (text) => {
      for (const name of mentionsOf(text)) {
        expect(name).toMatch(/^[a-z0-9._]{0,29}[a-z0-9_]$/)
        expect(text.toLowerCase()).toContain(`@${name}`)
      }
      for (const tag of hashtagsOf(text)) {
        expect(tag).toMatch(/^[^\s#@.&/-]{1,100}$/)
        expect(text.normalize('NFC').toLowerCase()).toContain(`#${tag}`)
      }
    }),
  )
})

test('long texts are searched in the time that their length takes', () => {
  const start = performance.now()
  for (const part of ['@a.', '@', '#', '#a', 'a@', '#\u0301', '語@']) {
    mentionsOf(part.repeat(30_000))
    hashtagsOf(part.repeat(30_000))
  }
  expect(performance.now() - start).toBeLessThan(2000)
})

test('a shortcode is the pk in base 64, and stands in the permalink', () => {
  expect(shortcodeOf('2278584739065882267')).toBe('B-fKL9qpeab')
  expect(shortcodeIn('https://www.instagram.com/reel/B-fKL9qpeab/?utm=1')).toBe('B-fKL9qpeab')
  expect(shortcodeIn('https://www.instagram.com/demo.bakery/p/Ab_-1/')).toBe('Ab_-1')
  expect(shortcodeIn('https://www.instagram.com/stories/demo/1/')).toBeUndefined()
})

const of = (value: unknown) => withoutSignatures(JSON.stringify(value))
const record = () => ({ url: signed('a.jpg'), list: [signed('b.jpg'), { c: signed('c.mp4') }] })

test('signatures and the hosts of a CDN count for nothing; other addresses and texts do', () => {
  expect(of(record())).toBe(of(record()))
  expect(of(record())).toBe('{"url":"/v/a.jpg","list":["/v/b.jpg",{"c":"/v/c.mp4"}]}')
  expect(of('https://l.instagram.com/?u=https%3A%2F%2Fa.test%2F&e=AT1')).toBe(
    of('https://l.instagram.com/?u=https%3A%2F%2Fa.test%2F&e=AT2'),
  )
  const kept = [
    'https://shop.example/?id=5',
    'See https://scontent.cdn.test/a.jpg?x=1 and more',
    'https://scontent.cdn.test/a.jpg?x=1 "quoted" more',
    'https://www.instagram.com/p/B-fKL9qpeab/',
  ]
  for (const text of kept) expect(of({ text })).toBe(JSON.stringify({ text }))
})
