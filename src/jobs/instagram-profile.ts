import { type ProfileParams, profileParams } from './instagram-params.ts'
import { wakeForAnalysis } from './analysis-wake.ts'
import { openInstagramSteps } from './instagram-steps.ts'
import { defineJob } from './job.ts'

export const instagramProfile = defineJob<ProfileParams>({
  name: 'instagram-profile',
  title: 'one profile of a run of instagram',
  child: true,
  params: profileParams,
  subject: ({ username }) => username,
  needs: ['INSTAGRAM_BASE_URL', 'INSTAGRAM_ACCESS_KEY'],
  keepsFinished: false,
  plan: async () => ({ requests: [], credits: 0 }),

  /** A part that fails is kept for the end: the others are read all the same. */
  async run(run) {
    const read = await openInstagramSteps(run)
    const profile = await read.profile()
    if (!profile) return { username: run.params.username, gone: true }
    await read.part('posts', profile)
    await read.part('reels', profile)
    await read.whatIsGone(profile)
    // All posts are in: now what hangs on each of them.
    await read.part('comments', profile)
    await read.part('replies', profile)
    await read.part('likers', profile)
    await read.part('followers', profile)
    await read.part('following', profile)
    await read.part('stories', profile)
    await read.part('highlights', profile)
    await read.part('insights', profile)
    await wakeForAnalysis(run.db, run.call.id)
    return await read.end(profile)
  },
})
