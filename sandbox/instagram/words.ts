import { pickBy, roll, share } from './hash.ts'

const first = [
  'maria',
  'alex',
  'kate',
  'dmitry',
  'anna',
  'zoe',
  'jose',
  'lukasz',
  'soren',
  'fatima',
]
const second = [
  'bakes',
  'travels',
  'studio',
  'fit',
  'photo',
  'shop',
  'daily',
  'art',
  'home',
  'eats',
]
const firstNames = [
  'Мария',
  'Алексей',
  'Kate',
  'Дмитрий',
  'Anna',
  'Zoë',
  'José',
  'Łukasz',
  '王',
  '👩‍🍳 Lea',
]
const lastNames = [
  'Иванова',
  "O'Brien",
  'Щербаков',
  'Müller',
  '',
  'van der Berg',
  '小明',
  '✨',
  'Lind',
]
const sentences = [
  'New loaf today',
  'Сегодня открыли новую точку на Лесной, ждём всех',
  'Tag a friend who would eat this whole thing',
  'Не ожидали, но получилось лучше, чем в прошлый раз',
  'Behind the scenes\nof the last shooting',
  'Цена — 1 290 ₽, доставка по городу бесплатно',
  '“Nothing is lost”',
  'Link in bio ⬆️',
  'Почти готово…',
]
const hashtags = ['#хлеб', '#bakery', '#домашняяеда', '#instafood', '#санктпетербург', '#2025goals']
const emoji = ['🔥', '❤️', '👩‍💻', '😍', '🥐', '🇷🇺', '🙌🏽']
const remarks = [
  'Красота!',
  'Wow, how much is it?',
  'Сколько стоит доставка?',
  'Love this so much',
  'это шедевр, правда',
  '¡Qué rico!',
  'Подскажите адрес',
  'first!',
  'Цену в директ, пожалуйста',
  'was there last week, 10/10',
]
const bios = [
  'Пекарня №1 в городе',
  'Artist · Berlin',
  'Мама двоих детей',
  'Ships worldwide 📦',
  '',
]

/** At most 30 letters; what follows the last `_` is the user's number, so no table is needed. */
export function inventedUsername(hash: number, user: number): string {
  const dot = pickBy(hash, 3, ['.', '_', ''])
  return `${pickBy(hash, 1, first)}${dot}${pickBy(hash, 2, second)}_${user.toString(36)}`
}

export function fullName(hash: number): string {
  return `${pickBy(hash, 4, firstNames)} ${pickBy(hash, 5, lastNames)}`.trimEnd()
}

export function biography(hash: number, friend: string): string {
  const bio = pickBy(hash, 6, bios)
  return share(hash, 7) < 0.3 ? `${bio}\n📍 with @${friend} #хлеб` : bio
}

/** '' for one post in twenty. `friend` is a username to mention. */
export function captionText(hash: number, friend: string): string {
  if (share(hash, 10) < 0.05) return ''
  let text = pickBy(hash, 11, sentences)
  if (share(hash, 12) < 0.5) text += `. ${pickBy(hash, 13, sentences)}`
  if (share(hash, 14) < 0.4) text += ` ${pickBy(hash, 15, emoji)}`
  if (share(hash, 16) < 0.3) text += ` @${friend}`
  if (share(hash, 17) < 0.5)
    text += `\n\n${pickBy(hash, 18, hashtags)} ${pickBy(hash, 19, hashtags)}`
  return text
}

export function commentText(hash: number, friend: string): string {
  const kind = roll(hash, 20, 10)
  if (kind === 0) return pickBy(hash, 21, emoji).repeat(1 + roll(hash, 22, 4))
  const remark = pickBy(hash, 23, remarks)
  if (kind === 1) return `@${friend} ${remark}`
  return kind < 5 ? `${remark} ${pickBy(hash, 24, emoji)}` : remark
}

export const placeNames = ['Москва', 'Café de Flore', 'Санкт-Петербург', 'São Paulo'] as const
export const highlightTitles = ['Отзывы', 'Menu', '🔥', 'Рим 2024', 'FAQ'] as const
export const categories = ['Bakery', 'Artist', 'Shopping & retail', 'Digital creator'] as const
export const cities = ['Москва', 'Berlin', 'Санкт-Петербург', 'Madrid'] as const
