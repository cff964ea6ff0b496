import { commentCounts } from './post-facts.ts'
import { likersListed } from './metrics.ts'
import { mediaOf } from './state.ts'
import { highlightCount, storiesOf } from './stories.ts'
import { profileOf } from './users.ts'
import type { World } from './world.ts'

/** How many rows the state would tell, without telling them; goes through all posts. */
export function countWorld(world: World, now: number): Record<string, number> {
  const counts = {
    profiles: world.options.profiles,
    public: 0,
    private: 0,
    gone: 0,
    posts: 0,
    comments: 0,
    replies: 0,
    likers: 0,
    followers: 0,
    following: 0,
    stories: 0,
    highlights: 0,
  }
  for (let user = 0; user < world.options.profiles; user++) {
    const profile = profileOf(world, user)
    counts[profile.status]++
    if (profile.status !== 'public') continue
    for (const media of mediaOf(world, profile)) {
      const { top, all } = commentCounts(world, media)
      counts.posts++
      counts.comments += top
      counts.replies += all - top
      counts.likers += likersListed(world, media)
    }
    counts.followers += profile.followerCount
    counts.following += profile.followingCount
    counts.stories += storiesOf(world, profile, now).length
    counts.highlights += highlightCount(world, profile)
  }
  return counts
}
