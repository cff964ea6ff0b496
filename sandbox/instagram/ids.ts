import { scrambled } from '../random.ts'
import { hashOf, realm } from './hash.ts'

/**
 * Every id can be read back into the place of its record, so that asking by id needs no table.
 * Most are beyond 2^53 and none beyond 2^63, as the real ones (upstreams/instagram.md, B1).
 */
const FACTOR = 0x9e3779b1
const INVERSE = inverseOf(FACTOR)

/** Where a medium stands: in the feed (0), in clips only (1), a story (2), in a highlight (3). */
export type Variant = 0 | 1 | 2 | 3
export type MediaPlace = { user: number; slot: number; variant: Variant }

/** 11 digits for a fourth of all users, else 17. */
export function userPk(seed: number, user: number): string {
  return (user % 4 === 0 ? '7' : '7000000') + spreadDigits(seed, user)
}

export function userOfPk(seed: number, pk: string): number | null {
  const match = /^7(000000)?(\d{10})$/.exec(pk)
  const user = match === null ? null : unspread(seed, match[2] ?? '')
  return user !== null && userPk(seed, user) === pk ? user : null
}

/** The id of the same user in the official API. */
export function graphUserId(seed: number, user: number): string {
  return `1784140${spreadDigits(seed + 7, user)}`
}

export function userOfGraphId(seed: number, id: string): number | null {
  const match = /^1784140(\d{10})$/.exec(id)
  return match === null ? null : unspread(seed + 7, match[1] ?? '')
}

/** Newer media have greater ids; the last three digits make guessing miss. */
export function mediaPk(seed: number, { user, slot, variant }: MediaPlace): string {
  const check = hashOf(seed, realm.check, user, slot, variant) % 900
  return `3${digits(slot, 7)}${variant}${digits(user, 7)}${digits(check, 3)}`
}

export function placeOfMediaPk(seed: number, pk: string): MediaPlace | null {
  const match = /^3(\d{7})([0-3])(\d{7})\d{3}$/.exec(pk)
  if (match === null) return null
  const place = { slot: Number(match[1]), variant: variantOf(match[2]), user: Number(match[3]) }
  return mediaPk(seed, place) === pk ? place : null
}

function variantOf(digit: string | undefined): Variant {
  return digit === '1' ? 1 : digit === '2' ? 2 : digit === '3' ? 3 : 0
}

/** An album's child: no check of a medium reaches 900. */
export function childPk(pk: string, position: number): string {
  return `${pk.slice(0, -3)}${900 + position}`
}

export const graphMediaId = (pk: string): string => `1${pk.slice(1)}`
export const pkOfGraphMediaId = (id: string): string => `3${id.slice(1)}`

/** Of a highlight: 17 digits. */
export function highlightPk(seed: number, user: number, position: number): string {
  const check = hashOf(seed, realm.check, user, position, 9) % 1000
  return `17${digits(user, 7)}${digits(position, 5)}${digits(check, 3)}`
}

export function placeOfHighlight(seed: number, pk: string) {
  const match = /^17(\d{7})(\d{5})\d{3}$/.exec(pk)
  if (match === null) return null
  const place = { user: Number(match[1]), position: Number(match[2]) }
  return highlightPk(seed, place.user, place.position) === pk ? place : null
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** The shortcode is the pk in base 64, as Instagram has it. */
export function codeOf(pk: string): string {
  let rest = BigInt(pk)
  let code = ''
  for (; rest > 0n; rest >>= 6n) code = (alphabet[Number(rest & 63n)] ?? '') + code
  return code
}

export function pkOfCode(code: string): string | null {
  if (!/^[\w-]{1,11}$/.test(code)) return null
  let pk = 0n
  for (const letter of code) pk = (pk << 6n) | BigInt(alphabet.indexOf(letter))
  return String(pk)
}

function spreadDigits(seed: number, user: number): string {
  return digits((Math.imul(user, FACTOR) + scrambled(seed)) >>> 0, 10)
}

function unspread(seed: number, text: string): number | null {
  const value = Number(text)
  if (value > 0xffffffff) return null
  return Math.imul(value - scrambled(seed), INVERSE) >>> 0
}

export function digits(value: number, length: number): string {
  return String(value).padStart(length, '0')
}

/** Of an odd number modulo 2^32, by Newton's method: each round doubles the right bits. */
function inverseOf(factor: number): number {
  let inverse = factor
  for (let n = 0; n < 5; n++) inverse = Math.imul(inverse, 2 - Math.imul(factor, inverse))
  return inverse
}
