import { z } from 'zod'
import type { Transformed } from '../../stream.ts'
import { required, untold } from '../fields.ts'
import { validated } from '../validated.ts'
import { shortcodeOf } from './shortcode.ts'
import { idInside, idOfPerson, line, personShape } from './values.ts'

export interface LikeRow {
  post_id: string
  post_shortcode: string
  user_external_id: string
  username: string | undefined
  full_name: string | null | undefined
}

export interface FollowRow {
  follower_external_id: string
  followee_external_id: string
  follower_username: string | undefined
  followee_username: string | undefined
}

const someone = z
  .object({ ...personShape, full_name: untold(line) })
  .refine((told) => idOfPerson(told) !== undefined, 'has no id')

const like = z.object({ media_id: required(idInside), user: someone })
const follow = z.object({ follower: someone, followee: someone })

/** `{ media_id, user }`, as the list of likers was asked for. */
export function toLike(payload: unknown): Transformed<LikeRow> {
  return validated(like, payload, ({ media_id, user }) => ({
    post_id: media_id,
    post_shortcode: shortcodeOf(media_id),
    user_external_id: idOfPerson(user) ?? '',
    username: user.username,
    full_name: user.full_name,
  }))
}

/** `{ follower, followee, profile_pk }`, whichever of both the list was of. */
export function toFollow(payload: unknown): Transformed<FollowRow> {
  return validated(follow, payload, ({ follower, followee }) => ({
    follower_external_id: idOfPerson(follower) ?? '',
    followee_external_id: idOfPerson(followee) ?? '',
    follower_username: follower.username,
    followee_username: followee.username,
  }))
}
