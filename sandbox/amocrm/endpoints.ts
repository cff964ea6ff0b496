import type { Answer } from '../http/answer.ts'
import { problem } from '../http/problem.ts'
import { accountAnswer } from './account.ts'
import { entitiesAnswer, entityAnswer } from './entities.ts'
import { linksAnswer, linksOfOneAnswer } from './links.ts'
import { noteAnswer, notesAnswer } from './notes.ts'
import type { Visit } from './visit.ts'
import type { EntityType } from './world.ts'

type Endpoint = {
  path: RegExp
  answer(visit: Visit, type: EntityType, ids: number[]): Answer
}

const under = (rest: string) => new RegExp(`^/api/v4/(contacts|companies)${rest}$`)

const endpoints: readonly Endpoint[] = [
  { path: /^\/api\/v4\/account$/, answer: accountAnswer },
  { path: under(''), answer: entitiesAnswer },
  { path: under('/(\\d{1,15})'), answer: (visit, type, [id = 0]) => entityAnswer(visit, type, id) },
  { path: under('/links'), answer: linksAnswer },
  {
    path: under('/(\\d{1,15})/links'),
    answer: (visit, type, [id = 0]) => linksOfOneAnswer(visit, type, id),
  },
  { path: under('/notes'), answer: (visit, type) => notesAnswer(visit, type, null) },
  {
    path: under('/(\\d{1,15})/notes'),
    answer: (visit, type, [entityId = 0]) => notesAnswer(visit, type, entityId),
  },
  {
    path: under('/notes/(\\d{1,15})'),
    answer: (visit, type, [id = 0]) => noteAnswer(visit, type, null, id),
  },
  {
    path: under('/(\\d{1,15})/notes/(\\d{1,15})'),
    answer: (visit, type, [entityId = 0, id = 0]) => noteAnswer(visit, type, entityId, id),
  },
]

/** Only reading is simulated: any other method on a known path is a 405. */
export function visitEndpoint(visit: Visit): Answer {
  const { method, path } = visit.ask
  for (const endpoint of endpoints) {
    const match = endpoint.path.exec(path)
    if (match === null) continue
    if (method !== 'GET') return problem(405, `${method} is not simulated here`)
    const type = match[1] === 'companies' ? 'companies' : 'contacts'
    return endpoint.answer(visit, type, match.slice(2).map(Number))
  }
  return problem(404, `Cannot find ${path}`)
}
