import { between, chance, pick, type Random } from '../random.ts'
import type { MultiText } from './world.ts'

/** As shown, and as it stands in an e-mail address. */
type Spelling = readonly [shown: string, latin: string]

const firstNames: readonly Spelling[] = [
  ['Мария', 'maria'],
  ['Александр', 'alexander'],
  ['Екатерина', 'ekaterina'],
  ['Дмитрий', 'dmitry'],
  ['Анна', 'anna'],
  ['Ёлка', 'yolka'],
  ['Пётр', 'petr'],
  ['Айгуль', 'aigul'],
  ['Vera', 'vera'],
  ['John', 'john'],
  ['Zoë', 'zoe'],
  ['José', 'jose'],
  ['Łukasz', 'lukasz'],
  ['Nguyễn', 'nguyen'],
  ['Søren', 'soren'],
  ['王', 'wang'],
  ['Fatima', 'fatima'],
  ['Anne-Marie', 'annemarie'],
  ['محمد', 'mohamed'],
]

const lastNames: readonly Spelling[] = [
  ['Иванова', 'ivanova'],
  ['Кузнецов', 'kuznetsov'],
  ['Смирнов', 'smirnov'],
  ['Щербакова', 'shcherbakova'],
  ["Д'Артаньян", 'dartagnan'],
  ["O'Brien", 'obrien'],
  ['D’Angelo', 'dangelo'],
  ['Lind', 'lind'],
  ['Müller', 'mueller'],
  ['van der Berg', 'vanderberg'],
  ['García Márquez', 'garciamarquez'],
  ['Smith-Jones', 'smithjones'],
  ['Şahin', 'sahin'],
  ['Ковальчук', 'kovalchuk'],
  ['Null', 'null'],
  ['小明', 'xiaoming'],
]

const companyWords = [
  'Ромашка',
  'Северный ветер',
  'Vera & Lind',
  "Baker's Dozen",
  'Café Noir',
  'Ящик',
  'Blue "Ocean"',
  'Альфа-Групп',
  'Kraft\\Werk',
  'Три кота',
  'Nordlys',
  'Сладкий дом 🍰',
  'Zeta 50%',
  'АгроПром',
] as const

const companyForms = ['ООО «#»', 'ИП #', 'АО "#"', '# LLC', '# GmbH', '#'] as const
const emoji = ['🌸', '🔥', '👩‍💻', '✅', '❤️'] as const
const positions = ['Директор', 'Бухгалтер', 'Head of Sales', 'Менеджер', 'CTO', '—'] as const
const sources = ['Сайт', 'Instagram', 'Выставка', 'Рекомендация'] as const
const mailHosts = ['lind.example', 'mail.example', 'xn--80ak6aa.example', 'corp.example'] as const

export type PersonName = { first: string; last: string; full: string; latin: string }

export function personName(random: Random): PersonName {
  const [first, firstLatin] = pick(random, firstNames)
  const [last, lastLatin] = pick(random, lastNames)
  const latin = `${firstLatin}.${lastLatin}`
  const kind = random()
  // People type what they like: a phone for a name, an emoji, nothing, spaces.
  if (kind < 0.02) return { first: '', last: '', full: '', latin }
  if (kind < 0.05) {
    const full = phoneText(random)
    return { first: full, last: '', full, latin }
  }
  if (kind < 0.09) {
    return { first, last: '', full: `${first} ${pick(random, emoji)}`, latin }
  }
  if (kind < 0.11) return { first, last, full: `  ${last}  ${first} `, latin }
  return { first, last, full: `${first} ${last}`, latin }
}

export function companyName(random: Random): string {
  const word = pick(random, companyWords)
  const number = chance(random, 0.5) ? ` ${between(random, 2, 99)}` : ''
  return pick(random, companyForms).replace('#', () => word + number)
}

/** Free text, as typed (upstreams/amocrm.md, 3); some of it is no number at all. */
export function phoneText(random: Random): string {
  const d = (count: number) => String(between(random, 0, 10 ** count - 1)).padStart(count, '0')
  switch (between(random, 0, 11)) {
    case 0:
      return `+7 (9${d(2)}) ${d(3)}-${d(2)}-${d(2)}`
    case 1:
      return `89${d(9)}`
    case 2:
      return `8-9${d(2)}-${d(3)}-${d(4)}`
    case 3:
      return `+49 30 ${d(7)}`
    case 4:
      return `+1 (415) 555-${d(4)} ext. ${d(2)}`
    case 5:
      return `8 (495) ${d(3)} ${d(2)} ${d(2)} доб. ${d(3)}`
    case 6:
      return `${d(3)}-${d(2)}`
    case 7:
      return chance(random, 0.2) ? 'нет телефона' : `+7\u00a09${d(2)}\u00a0${d(3)}\u00a0${d(4)}`
    default:
      return `+79${d(9)}`
  }
}

const phoneCodes = ['WORK', 'WORK', 'MOB', 'MOB', 'WORKDD', 'FAX', 'HOME', 'OTHER'] as const
const emailCodes = ['WORK', 'WORK', 'PRIV', 'OTHER'] as const

export function phones(random: Random): MultiText[] {
  const count = pick(random, [0, 1, 1, 1, 1, 2, 3])
  return Array.from({ length: count }, () => ({
    code: pick(random, phoneCodes),
    text: phoneText(random),
  }))
}

export function emails(random: Random, latin: string): MultiText[] {
  const count = pick(random, [0, 0, 1, 1, 1, 2])
  return Array.from({ length: count }, () => ({
    code: pick(random, emailCodes),
    text: emailText(random, latin),
  }))
}

function emailText(random: Random, latin: string): string {
  if (chance(random, 0.01)) return `${latin} собака mail`
  const address = `${latin}${between(random, 1, 9999)}@${pick(random, mailHosts)}`
  return chance(random, 0.05) ? ` ${address.toUpperCase()} ` : address
}

export const positionText = (random: Random): string => pick(random, positions)
export const sourceText = (random: Random): string => pick(random, sources)
