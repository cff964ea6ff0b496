import { pkOfCode } from '../ids.ts'
import type { Media } from '../media.ts'
import { listed, type MediaList, placeInList } from '../media-lists.ts'
import { likeCountOf, likersListed } from '../metrics.ts'
import { likersOf } from '../people.ts'
import { idTeller } from '../raw-number.ts'
import { spoilRecords } from '../spoil.ts'
import { body, type Endpoint, envelope, param, tuple } from './endpoint.ts'
import { publicPost, publicProfileOfPk } from './find.ts'
import { listPage } from './list-page.ts'
import { mediaNotFound, refuse } from './refusal.ts'
import { mediaJson } from './tell-media.ts'
import { rawMediaJson } from './tell-raw-media.ts'
import { personJson } from './tell-users.ts'
import type { Visit } from './visit.ts'

const PAGE_SIZE = 12

function mediaPage(
  visit: Visit,
  list: MediaList,
  cursorName: string,
  tell: (media: Media) => object,
) {
  const { world, params } = visit
  const profile = publicProfileOfPk(world, param(visit, 'user_id'))
  const after = (place: number | null) => listed(world, profile, list, place)
  const page = listPage(
    visit,
    { name: list, owner: profile.pk, size: PAGE_SIZE, after, placeOf: placeInList, tell },
    params.get(cursorName),
  )
  const isEmpty = page.records.length === 0 && page.next === null
  // An account with no reels is a 404 (B3), one without posts an empty list.
  if (list === 'clips' && isEmpty && !params.get(cursorName)) {
    refuse(404, 'ClipsNotFound', 'Entries not found')
  }
  return page
}

function clipsEnvelope(visit: Visit) {
  const isSafe = /^(true|1|on|yes)$/i.test(param(visit, 'safe_int'))
  const own = isSafe ? { ...visit, tell: idTeller('string') } : visit
  const tell = (media: Media) => ({ media: rawMediaJson(own, media) })
  const page = mediaPage(own, 'clips', 'page_id', tell)
  const paging = { max_id: page.next, more_available: page.next !== null }
  return envelope({ items: page.records, paging_info: paging, status: 'ok' }, page)
}

function likers(visit: Visit) {
  const media = publicPost(visit.world, param(visit, 'id'))
  const count = likersListed(visit.world, media)
  const people = likersOf(visit.world, media.hash, media.user, count)
  const users = spoilRecords(
    people.map((person) => personJson(visit, person)),
    visit.taken,
  )
  return { users, count: likeCountOf(visit.world, media) }
}

function byCode(visit: Visit, code: string) {
  const pk = pkOfCode(code)
  return pk === null ? mediaNotFound() : body(mediaJson(visit, publicPost(visit.world, pk)))
}

/** upstreams/instagram.md, B1. */
export const mediaEndpoints: Record<string, Endpoint> = {
  '/v1/user/medias/chunk': {
    required: { user_id: 'id' },
    answer: (visit) =>
      tuple(mediaPage(visit, 'feed', 'end_cursor', (media) => mediaJson(visit, media))),
  },
  '/v1/user/clips/chunk': {
    required: { user_id: 'id' },
    answer: (visit) =>
      tuple(mediaPage(visit, 'clips', 'end_cursor', (media) => mediaJson(visit, media))),
  },
  '/v2/user/clips': { required: { user_id: 'id' }, answer: clipsEnvelope },
  '/v1/media/by/id': {
    required: { id: 'id' },
    answer: (visit) => body(mediaJson(visit, publicPost(visit.world, param(visit, 'id')))),
  },
  '/v1/media/by/code': {
    required: { code: 'text' },
    answer: (visit) => byCode(visit, param(visit, 'code')),
  },
  '/v1/media/by/url': {
    required: { url: 'text' },
    answer: (visit) =>
      byCode(visit, /\/(?:p|reel|tv)\/([\w-]+)/.exec(param(visit, 'url'))?.[1] ?? ''),
  },
  '/v1/media/likers': {
    required: { id: 'id' },
    answer(visit) {
      const { users } = likers(visit)
      return body(users, users.length)
    },
  },
  '/v2/media/likers': {
    required: { id: 'id' },
    answer(visit) {
      const { users, count } = likers(visit)
      return body({ users, user_count: count, status: 'ok' }, users.length)
    },
  },
}
