import type { Answer } from '../../http/answer.ts'
import { spoilRecords } from '../spoil.ts'
import { DAY, highlightAt, highlightCount, highlightOfPk, storiesOf } from '../stories.ts'
import { body, type Endpoint, envelope, param } from './endpoint.ts'
import { publicProfileOfPk } from './find.ts'
import { listPage } from './list-page.ts'
import { privateAccount, refuse } from './refusal.ts'
import { highlightJson, rawHighlightJson, rawStoryJson, storyJson } from './tell-stories.ts'
import { personJson } from './tell-users.ts'
import type { Visit } from './visit.ts'

const TRAY_SIZE = 20

const same = (position: number): number => position

/** `amount` cuts; absent or 0 it doesn't. */
function cut<T>(visit: Visit, list: T[]): T[] {
  const amount = Number(visit.params.get('amount') ?? 0)
  return amount > 0 ? list.slice(0, amount) : list
}

function stories(visit: Visit): Answer {
  const profile = publicProfileOfPk(visit.world, param(visit, 'user_id'))
  const items = cut(visit, storiesOf(visit.world, profile, visit.now))
  const told = spoilRecords(
    items.map((story) => storyJson(visit, story)),
    visit.taken,
  )
  return body(told, told.length)
}

/** No reel at all where there are no stories. */
function reel(visit: Visit): Answer {
  const profile = publicProfileOfPk(visit.world, param(visit, 'user_id'))
  const items = storiesOf(visit.world, profile, visit.now)
  const last = items.at(-1)
  if (last === undefined) return body({ reel: null, status: 'ok' }, 0)
  const told = spoilRecords(
    items.map((story) => rawStoryJson(visit, story)),
    visit.taken,
  )
  const answer = {
    id: visit.tell(profile.pk, profile.hash),
    items: told,
    media_count: items.length,
    expiring_at: last.takenAt + DAY,
    latest_reel_media: last.takenAt,
    user: personJson(visit, profile),
  }
  return body({ reel: answer, status: 'ok' }, told.length)
}

function highlights(visit: Visit): Answer {
  const profile = publicProfileOfPk(visit.world, param(visit, 'user_id'))
  const all = Array.from({ length: highlightCount(visit.world, profile) }, (_, n) =>
    highlightJson(visit, highlightAt(visit.world, profile, n)),
  )
  const told = spoilRecords(cut(visit, all), visit.taken)
  return body(told, told.length)
}

function tray(visit: Visit): Answer {
  const { world } = visit
  const profile = publicProfileOfPk(world, param(visit, 'user_id'))
  const after = function* (seen: number | null) {
    for (let n = seen === null ? 0 : seen + 1; n < highlightCount(world, profile); n++) yield n
  }
  const tell = (n: number) => rawHighlightJson(visit, highlightAt(world, profile, n), false)
  const list = { name: 'tray', owner: profile.pk, size: TRAY_SIZE, after, placeOf: same, tell }
  const page = listPage(visit, list, visit.params.get('page_id'))
  return envelope({ tray: page.records, cursor: page.next, status: 'ok' }, page)
}

function highlight(visit: Visit): Answer {
  const found = highlightOfPk(visit.world, param(visit, 'id'))
  if (found === undefined || found.profile.status === 'gone') {
    return refuse(404, 'HighlightNotFound', 'Highlight not found')
  }
  if (found.profile.status === 'private') return privateAccount()
  const reels = { [`highlight:${found.pk}`]: rawHighlightJson(visit, found, true) }
  return body({ response: { reels, status: 'ok' } }, found.items.length)
}

const ofUser = { user_id: 'id' } as const

/** upstreams/instagram.md, B1; dearer than the others (B3). */
export const storyEndpoints: Record<string, Endpoint> = {
  '/v1/user/stories': { required: ofUser, cost: 2, answer: stories },
  '/v2/user/stories': { required: ofUser, cost: 2, answer: reel },
  '/v1/user/highlights': { required: ofUser, cost: 2, answer: highlights },
  '/v2/user/highlights': { required: ofUser, cost: 2, answer: tray },
  '/v2/highlight/by/id': { required: { id: 'text' }, cost: 2, answer: highlight },
}
