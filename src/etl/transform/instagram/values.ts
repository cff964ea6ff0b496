import { z } from 'zod'
import { by, ifKnown, type Reader, refused, untold } from '../fields.ts'

/*
 * What both routes write in more than one way. Refused is what a row could not do without or would tell wrongly: a record
 * without id, owner or time, a count that is no number. Other oddities cost just the part that has them.
 */

/** A number or digits (upstreams/instagram.md, B2). Beyond 2^53 a number has lost its last digits before it comes here. */
export const id: Reader<string> = {
  read: (value) => {
    if (typeof value === 'string') return /^[1-9]\d{0,30}$/.test(value) ? value : refused
    return Number.isSafeInteger(value) && Number(value) > 0 ? String(value) : refused
  },
  due: 'must be a whole number, below 2^53 or as text',
}

/** Ids are also told with their owner's, `<pk>_<userpk>`, or their kind, `highlight:<pk>`: kept is the pk. */
export const idInside: Reader<string> = {
  read: (value) =>
    id.read(typeof value === 'string' ? value.replace(/^[a-z]+:|_\d*$/g, '') : value),
  due: id.due,
}

/** Below zero stands for what may not be known (hidden likes). */
export const count: Reader<number> = {
  read: (value) => {
    const number = typeof value === 'string' && /^-?\d{1,16}$/.test(value) ? Number(value) : value
    return typeof number === 'number' && Number.isSafeInteger(number) ? number : refused
  },
  due: 'must be a whole number',
}
export const positiveCount: Reader<number | undefined> = {
  read: (value) => {
    const told = count.read(value)
    return told !== refused && told < 0 ? undefined : told
  },
  due: count.due,
}

export const flag = ifKnown(by(z.boolean()))

const longestText = 100_000
export const text: Reader<string> = {
  read: (value) => (typeof value === 'string' && value.length <= longestText ? value : refused),
  due: `must be a text of ${longestText} characters at most`,
}
/** A line of text; null where it is ''. */
export const line: Reader<string | null> = {
  read: (value) => {
    const told = text.read(value)
    return told === refused ? refused : told.trim() || null
  },
  due: text.due,
}
/** A text that is not ''. */
export const word = by(z.string().min(1))
export const address = ifKnown(by(z.string().regex(/^https?:\/\//i)))
export const number = by(z.number())

const year3000 = 32_503_680_000
/** ISO 8601, or as the Graph API has it: `2026-01-05T08:00:00+0000`, no colon in the offset (A). UTC where none is told. */
const isoTime = /^(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(?:Z|([+-])(\d\d):?(\d\d))?$/
/** Seconds since 1970, or a time in words. */
export const moment: Reader<string> = {
  read: (value) => {
    const seconds = typeof value === 'string' && /^\d{1,11}$/.test(value) ? Number(value) : value
    if (typeof seconds === 'number')
      return seconds >= 0 && seconds <= year3000 ? new Date(seconds * 1000).toISOString() : refused
    if (typeof seconds !== 'string') return refused
    const [, time, sign, hours, minutes] = isoTime.exec(seconds.trim().replace(' ', 'T')) ?? []
    const at = new Date(`${time}${sign ? `${sign}${hours}:${minutes}` : 'Z'}`)
    return Number.isNaN(at.getTime()) ? refused : at.toISOString()
  },
  due: 'is no time',
}

/** Whoever stands beside a record. */
export const personShape = {
  pk: untold(id),
  id: untold(id),
  username: ifKnown(by(z.string().min(1).max(100))),
}
export const person = by(z.object(personShape))
export type Person = { pk?: string | undefined; id?: string | undefined }

export const idOfPerson = ({ pk, id: other }: Person): string | undefined => pk ?? other
