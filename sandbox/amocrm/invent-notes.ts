import { between, chance, pick, type Random } from '../random.ts'
import { phoneText } from './names.ts'
import { type Entity, FIRST_NOTE_ID, type Note, USER_IDS } from './world.ts'

const noteTypes = [
  'common',
  'common',
  'common',
  'call_in',
  'call_out',
  'sms_in',
  'sms_out',
  'service_message',
  'extended_service_message',
  'attachment',
  'geolocation',
  'invoice_paid',
] as const

const texts = [
  'Asked for a quote',
  'Перезвонить в пятницу',
  'Не берёт трубку 📵',
  '',
  'a\nb',
] as const

/** Notes for one contact in five and one company in ten; ids grow over both kinds. */
export function inventNotes(
  random: Random,
  contacts: readonly Entity[],
  companies: readonly Entity[],
  now: number,
) {
  let nextId = FIRST_NOTE_ID
  const notesFor = (entities: readonly Entity[], share: number) => {
    const notes: Note[] = []
    for (const entity of entities) {
      if (!chance(random, share)) continue
      for (let left = between(random, 1, 4); left > 0; left--) {
        notes.push(inventNote(random, nextId++, entity.id, between(random, entity.createdAt, now)))
      }
    }
    return notes
  }
  const ofContacts = notesFor(contacts, 0.2)
  const ofCompanies = notesFor(companies, 0.1)
  return { contacts: ofContacts, companies: ofCompanies, nextId }
}

export function inventNote(random: Random, id: number, entityId: number, createdAt: number): Note {
  const noteType = pick(random, noteTypes)
  return {
    id,
    entityId,
    noteType,
    params: inventParams(random, noteType),
    createdBy: pick(random, USER_IDS),
    createdAt,
    updatedAt: createdAt,
  }
}

/** upstreams/amocrm.md, 4; what the page does not describe stays vague here too. */
function inventParams(random: Random, noteType: (typeof noteTypes)[number]): unknown {
  const text = pick(random, texts)
  switch (noteType) {
    case 'common':
      return { text }
    case 'sms_in':
    case 'sms_out':
      return { text, phone: phoneText(random) }
    case 'call_in':
    case 'call_out':
      return {
        uniq: `call-${between(random, 1, 1_000_000)}`,
        duration: between(random, 0, 1800),
        source: 'demo_telephony',
        link: null,
        phone: phoneText(random),
        call_result: text,
        call_status: between(random, 1, 7),
        call_responsible: chance(random, 0.5) ? pick(random, USER_IDS) : 'Оператор',
      }
    case 'service_message':
      return { service: 'demo', text }
    case 'extended_service_message':
      // The PHP habit: an empty object arrives as an empty list.
      return chance(random, 0.5) ? [] : { service: 'demo', text }
    case 'attachment':
      return { file_name: 'счёт №1.pdf', original_name: 'счёт №1.pdf' }
    case 'geolocation':
      return { text, address: 'Невский проспект, 1', longitude: '30.31', latitude: '59.93' }
    case 'invoice_paid':
      return undefined
  }
  throw new Error('every note type is named above')
}
