import { roll } from '../hash.ts'
import { graphUserId } from '../ids.ts'
import type { Media } from '../media.ts'
import { listed, placeInList } from '../media-lists.ts'
import { storiesOf } from '../stories.ts'
import { type Profile, profileOf, userOfUsername } from '../users.ts'
import { askedByField, type Edge, edgePage } from './edge.ts'
import { refuse } from './errors.ts'
import type { Field } from './fields.ts'
import { mediaNode } from './media-node.ts'
import { isProfessional } from './owned.ts'
import { type Node, project } from './project.ts'
import type { Visit } from './visit.ts'

const MEDIA_CAP = 10_000
const USER_NOT_FOUND = 2_207_013

/** IG User, one's own: upstreams/instagram.md, A1. */
export function userNode(visit: Visit, profile: Profile): Node {
  return {
    type: 'IGUser',
    id: graphUserId(visit.world.options.seed, profile.user),
    fields: {
      ...profileFields(visit, profile),
      business_discovery: (field) => discover(visit, field),
      media: (field) => edgePage(visit, mediaEdge(visit, profile, true), askedByField(field)),
      stories: (field) => edgePage(visit, storiesEdge(visit, profile), askedByField(field)),
    },
  }
}

/** Another professional account, read through one's own. */
function discover(visit: Visit, field: Field) {
  const username = field.args.get('username') ?? ''
  if (username === '' || field.fields.length === 0) {
    return refuse(100, undefined, '(#100) The parameter username is required')
  }
  const user = userOfUsername(visit.world, username)
  const profile = user === null ? undefined : profileOf(visit.world, user)
  if (profile === undefined || !isProfessional(profile)) return refuse(110, USER_NOT_FOUND)
  const media = (asked: Field) =>
    edgePage(visit, mediaEdge(visit, profile, false), askedByField(asked), false)
  const node: Node = {
    type: 'IGUser',
    id: graphUserId(visit.world.options.seed, profile.user),
    fields: { ...profileFields(visit, profile), media },
  }
  return project(node, field.fields)
}

function profileFields({ sign }: Visit, profile: Profile): Node['fields'] {
  const { pk, username, hash } = profile
  const site = `https://${username.replaceAll(/[._]/g, '-')}.example/`
  return {
    ig_id: () => pk,
    username: () => username,
    name: () => profile.fullName,
    biography: () => (profile.biography === '' ? undefined : profile.biography),
    website: () => (roll(hash, 91, 3) === 0 ? site : undefined),
    followers_count: () => profile.followerCount,
    follows_count: () => profile.followingCount,
    media_count: () => profile.mediaCount,
    profile_picture_url: () => sign(`t51.2885-19/${pk}_s320.jpg`),
  }
}

/** The newest first, none pinned, at most the newest 10,000 (A1); trial reels are left out. */
export function mediaEdge(visit: Visit, profile: Profile, isOwn: boolean): Edge<Media> {
  const { world, params } = visit
  const { slots } = profile
  // Counted in slots, each with its part of clips-only reels.
  const oldest = (slots - Math.floor(MEDIA_CAP / (1 + world.options.clipsOnly))) * 2
  const since = Number(params.get('since') ?? 0)
  const until = Number(params.get('until') ?? Number.POSITIVE_INFINITY)
  return {
    name: 'media',
    owner: graphUserId(world.options.seed, profile.user),
    usual: 25,
    most: 100,
    falling: true,
    *after(place) {
      for (const media of listed(world, profile, 'official', place)) {
        if (placeInList(media) < oldest) return
        if (media.takenAt >= since && media.takenAt <= until) yield media
      }
    },
    placeOf: placeInList,
    node: (media) => mediaNode(visit, media, isOwn),
    usualFields: 'id',
  }
}

export function storiesEdge(visit: Visit, profile: Profile): Edge<Media> {
  const stories = storiesOf(visit.world, profile, visit.now)
  return {
    name: 'stories',
    owner: graphUserId(visit.world.options.seed, profile.user),
    usual: 25,
    most: 100,
    falling: false,
    after: (place) => stories.filter(({ slot }) => place === null || slot > place),
    placeOf: ({ slot }) => slot,
    node: (media) => mediaNode(visit, media, true),
    usualFields: 'id',
  }
}
