import { between, chance, pick, type Random, seededRandom } from '../random.ts'
import { employ } from './employ.ts'
import { inventMoments, type Moments } from './moments.ts'
import {
  companyName,
  emails,
  personName,
  phones,
  phoneText,
  positionText,
  sourceText,
} from './names.ts'
import { inventNotes } from './invent-notes.ts'
import type { WorldOptions } from './options.ts'
import { createShelf } from './shelf.ts'
import {
  type Entity,
  type Fields,
  FIRST_COMPANY_ID,
  FIRST_CONTACT_ID,
  USER_IDS,
  type World,
} from './world.ts'

/** The world of a seed: the same options make the same records, to the letter. */
export function generateWorld(options: WorldOptions): World {
  const random = seededRandom(options.seed)
  const companies = withIds(
    inventMoments(random, options.companies, options.now, false),
    FIRST_COMPANY_ID,
    random,
  ).map((base) => inventCompany(random, base))
  const contacts = withIds(
    inventMoments(random, options.contacts, options.now, true),
    FIRST_CONTACT_ID,
    random,
  ).map((base) => inventContact(random, base))
  const notes = inventNotes(random, contacts, companies, options.now)

  const world: World = {
    live: { contacts: createShelf(contacts), companies: createShelf(companies) },
    deleted: { contacts: createShelf<Entity>([]), companies: createShelf<Entity>([]) },
    gone: [],
    notes: { contacts: createShelf(notes.contacts), companies: createShelf(notes.companies) },
    contactsOf: new Map(),
    nextId: {
      contacts: (contacts.at(-1)?.id ?? FIRST_CONTACT_ID) + 1,
      companies: (companies.at(-1)?.id ?? FIRST_COMPANY_ID) + 1,
      notes: notes.nextId,
    },
  }
  employ(random, world)
  return world
}

export type EntityBase = Moments & { id: number }

/** Ids grow with the time of creation, with gaps. */
function withIds(moments: readonly Moments[], firstId: number, random: Random): EntityBase[] {
  let id = firstId
  return moments.map((moment) => {
    const base = { ...moment, id }
    id += between(random, 1, 9)
    return base
  })
}

export function inventContact(random: Random, base: EntityBase): Entity {
  const name = personName(random)
  const fields: Fields = {
    phones: phones(random),
    emails: emails(random, name.latin),
    text: chance(random, 0.3) ? positionText(random) : null,
    source: chance(random, 0.2) ? sourceText(random) : null,
  }
  return {
    type: 'contacts',
    ...base,
    name: name.full,
    firstName: name.first,
    lastName: name.last,
    ...common(random, base),
    fields: chance(random, 0.05) || isEmpty(fields) ? null : fields,
    companyId: null,
  }
}

export function inventCompany(random: Random, base: EntityBase): Entity {
  const fields: Fields = {
    phones: chance(random, 0.7) ? [{ code: 'WORK', text: phoneText(random) }] : [],
    emails: emails(random, 'info'),
    text: chance(random, 0.4) ? `https://company-${base.id}.example/` : null,
    source: null,
  }
  return {
    type: 'companies',
    ...base,
    name: companyName(random),
    firstName: '',
    lastName: '',
    ...common(random, base),
    fields: isEmpty(fields) ? null : fields,
    companyId: null,
  }
}

function common(random: Random, base: EntityBase) {
  return {
    responsibleUserId: pick(random, USER_IDS),
    createdBy: chance(random, 0.3) ? 0 : pick(random, USER_IDS),
    updatedBy: chance(random, 0.3) ? 0 : pick(random, USER_IDS),
    closestTaskAt: chance(random, 0.1) ? base.updatedAt + between(random, 3600, 864_000) : null,
    tags: chance(random, 0.3) ? [between(random, 0, 5), between(random, 6, 9)] : [],
  }
}

function isEmpty(fields: Fields): boolean {
  const { phones: p, emails: e, text, source } = fields
  return p.length === 0 && e.length === 0 && text === null && source === null
}
