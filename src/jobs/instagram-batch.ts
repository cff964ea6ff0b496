import { type BatchParams, batchParams } from './instagram-params.ts'
import { instagramProfile } from './instagram-profile.ts'
import { defineJob } from './job.ts'

export const instagramBatch = defineJob<BatchParams>({
  name: 'instagram-batch',
  title: 'a hundred profiles of a run of instagram',
  child: true,
  params: batchParams,
  needs: [],
  plan: async () => ({ requests: [], credits: 0 }),

  async run(run) {
    const { usernames, ...howToRead } = run.params
    await run.children(
      usernames.map((username) => ({
        job: instagramProfile.name,
        subject: username,
        params: { username, ...howToRead },
      })),
    )
    return { of: 'profiles' }
  },
})
