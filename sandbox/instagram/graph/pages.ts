import { digits, graphUserId } from '../ids.ts'
import { personOf } from '../users.ts'
import { ownedBy } from './owned.ts'
import type { Node } from './project.ts'
import type { Visit } from './visit.ts'

/** The Facebook page of an account: how its id is found (upstreams/instagram.md, A1). */
const pageId = (user: number): string => `10${digits(user, 13)}`

export function pages(visit: Visit) {
  const data = ownedBy(visit.world, visit.token).map((user) => ({
    name: personOf(visit.world, user).fullName,
    id: pageId(user),
  }))
  return { data }
}

/** undefined for an id that is none of the token's pages. */
export function pageNode({ world, token }: Visit, id: string): Node | undefined {
  const user = ownedBy(world, token).find((one) => pageId(one) === id)
  if (user === undefined) return undefined
  return {
    type: 'Page',
    id,
    fields: {
      name: () => personOf(world, user).fullName,
      instagram_business_account: () => ({ id: graphUserId(world.options.seed, user) }),
    },
  }
}
