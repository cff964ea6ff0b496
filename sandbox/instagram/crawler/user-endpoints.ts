import type { Answer } from '../../http/answer.ts'
import { type PeopleKind, personAt, positions } from '../people.ts'
import { profileOf, userOfUsername } from '../users.ts'
import { body, type Endpoint, envelope, param, tuple } from './endpoint.ts'
import { existing, profileOfPk, publicProfileOfPk } from './find.ts'
import { listPage } from './list-page.ts'
import { userNotFound } from './refusal.ts'
import { personJson, rawUserJson, userJson } from './tell-users.ts'
import type { Visit } from './visit.ts'

function named(visit: Visit) {
  const user = userOfUsername(visit.world, param(visit, 'username'))
  return user === null ? userNotFound() : existing(profileOf(visit.world, user))
}

function people(visit: Visit, kind: PeopleKind, cursorName: string) {
  const { world, settings } = visit
  const profile = publicProfileOfPk(world, param(visit, 'user_id'))
  return listPage(
    visit,
    {
      name: kind,
      owner: profile.pk,
      size: settings.peoplePerPage,
      after: (place) => positions(world, profile, kind, place),
      placeOf: (position) => position,
      tell: (position) => personJson(visit, personAt(world, profile, kind, position)),
    },
    visit.params.get(cursorName),
  )
}

function peopleEnvelope(visit: Visit, kind: PeopleKind): Answer {
  const page = people(visit, kind, 'page_id')
  const response = {
    users: page.records,
    big_list: page.next !== null,
    page_size: visit.settings.peoplePerPage,
    next_max_id: page.next,
    has_more: page.next !== null,
    status: 'ok',
  }
  return envelope(response, page)
}

const ofUser = { user_id: 'id' } as const

/** upstreams/instagram.md, B1. */
export const userEndpoints: Record<string, Endpoint> = {
  '/v1/user/by/username': {
    required: { username: 'text' },
    answer: (visit) => body(userJson(visit, named(visit))),
  },
  '/v1/user/by/id': {
    required: { id: 'id' },
    answer: (visit) => body(userJson(visit, profileOfPk(visit.world, param(visit, 'id')))),
  },
  '/v2/user/by/username': {
    required: { username: 'text' },
    answer: (visit) => body({ user: rawUserJson(visit, named(visit)), status: 'ok' }),
  },
  '/v1/user/followers/chunk': {
    required: ofUser,
    answer: (visit) => tuple(people(visit, 'followers', 'max_id')),
  },
  '/v1/user/following/chunk': {
    required: ofUser,
    answer: (visit) => tuple(people(visit, 'following', 'max_id')),
  },
  '/gql/user/followers/chunk': {
    required: ofUser,
    answer: (visit) => tuple(people(visit, 'followers', 'end_cursor')),
  },
  '/gql/user/following/chunk': {
    required: ofUser,
    answer: (visit) => tuple(people(visit, 'following', 'end_cursor')),
  },
  '/v2/user/followers': {
    required: ofUser,
    answer: (visit) => peopleEnvelope(visit, 'followers'),
  },
  '/v2/user/following': {
    required: ofUser,
    answer: (visit) => peopleEnvelope(visit, 'following'),
  },
}
