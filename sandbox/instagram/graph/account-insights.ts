import { hashOf, realm, roll } from '../hash.ts'
import { DAY } from '../stories.ts'
import type { Profile } from '../users.ts'
import { refuse } from './errors.ts'
import { askedMetrics, insightsId, titleOf } from './insights.ts'
import { graphTime } from './time.ts'
import type { Visit } from './visit.ts'

const known =
  'reach,views,follower_count,online_followers,follower_demographics,accounts_engaged,total_interactions'
const periods = ['day', 'week', 'days_28', 'lifetime']
const needFollowers = new Set(['follower_count', 'online_followers', 'follower_demographics'])
const FEWEST_FOLLOWERS = 100

/** Of one's own account (upstreams/instagram.md, A4): a value a day, or one total. */
export function accountInsights(visit: Visit, profile: Profile) {
  const { params } = visit
  const period = params.get('period') ?? ''
  if (!periods.includes(period)) {
    return refuse(
      100,
      undefined,
      `(#100) period must be one of the following values: ${periods.join(', ')}`,
    )
  }
  const isTotal = params.get('metric_type') === 'total_value'
  const names = askedMetrics(visit, known).filter(
    // Missing data is an empty list, not a zero.
    (name) => profile.followerCount >= FEWEST_FOLLOWERS || !needFollowers.has(name),
  )
  const days = daysAsked(visit)
  return {
    data: names.map((name) => {
      const values = days.map((day) => ({
        value: dailyValue(visit, profile, name, day),
        end_time: graphTime(day),
      }))
      const value = values.reduce((sum, one) => sum + one.value, 0)
      return {
        name,
        period,
        ...(isTotal ? { total_value: { value } } : { values }),
        title: titleOf(name),
        description: `The ${titleOf(name).toLowerCase()} of the account.`,
        id: `${insightsId(visit, profile.user)}/insights/${name}/${period}`,
      }
    }),
  }
}

/** Ends of the days asked for, 30 at most. Default: the last two. */
function daysAsked({ params, now }: Visit): number[] {
  const until = Number(params.get('until') ?? now)
  const since = Number(params.get('since') ?? until - 2 * DAY)
  if (Number.isNaN(since + until) || since > until) {
    return refuse(100, undefined, '(#100) since and until must be unix seconds, in this order')
  }
  if (until - since > 30 * DAY) {
    return refuse(
      100,
      undefined,
      '(#100) There cannot be more than 30 days between since and until',
    )
  }
  const first = Math.floor(since / DAY) + 1
  return Array.from({ length: Math.floor(until / DAY) - first + 1 }, (_, n) => (first + n) * DAY)
}

function dailyValue({ world }: Visit, { user, followerCount }: Profile, name: string, day: number) {
  const hash = hashOf(world.options.seed, realm.user, user, day, name.length)
  return roll(hash, 140, 10 + followerCount * 3)
}
