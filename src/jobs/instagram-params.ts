import { z } from 'zod'
import type { Settings } from '../settings.ts'

/** What of a profile can be read, each by itself. */
export const parts = [
  'profile',
  'posts',
  'reels',
  'comments',
  'replies',
  'likers',
  'followers',
  'following',
  'stories',
  'highlights',
  'insights',
] as const
export type PartName = (typeof parts)[number]

/** Off unless asked for: a request brings few of very many records. */
const dear: readonly PartName[] = ['likers', 'followers', 'following']

/** What is read where neither the run nor the profile says. Only the official API has insights. */
export function defaultParts({ INSTAGRAM_ROUTE: route }: Settings): PartName[] {
  return parts.filter((part) => !dear.includes(part) && (part !== 'insights' || route === 'graph'))
}

const howToRead = {
  parts: z.array(z.enum(parts)).min(1).optional().describe('default: all but the dear ones'),
  parallel: z
    .int()
    .min(1)
    .max(64)
    .default(4)
    .describe('requests of one profile that are under way side by side, at most'),
  refreshDays: z
    .int()
    .min(0)
    .max(3650)
    .default(7)
    .describe('posts younger than this at the last read are read again for their figures'),
  fullAfterDays: z
    .int()
    .min(1)
    .max(3650)
    .default(30)
    .describe('lists that were not read whole for so long are, whatever seems unchanged'),
  full: z.boolean().default(false).describe('every list again, from its beginning to its end'),
}

/** As Instagram has them: letters, digits, dots and underscores; an address or an @ before it is taken for the name. */
const username = z
  .string()
  .trim()
  .transform((text) =>
    text
      .replace(/^(https?:\/\/)?(www\.)?instagram\.com\//i, '')
      .replace(/^@/, '')
      .replace(/[/?#].*$/, '')
      .toLowerCase(),
  )
  .pipe(z.string().regex(/^[a-z0-9._]{1,60}$/, 'must be the name of a profile'))

export const instagramParams = z.strictObject({
  usernames: z
    .array(username)
    .min(1)
    .max(100_000)
    .optional()
    .describe('default: those of public.tracked_profiles that are due'),
  ...howToRead,
})
export type InstagramParams = z.output<typeof instagramParams>

export const batchParams = z.strictObject({ usernames: z.array(z.string()), ...howToRead })
export type BatchParams = z.output<typeof batchParams>

export const profileParams = z.strictObject({ username: z.string(), ...howToRead })
export type ProfileParams = z.output<typeof profileParams>
