import { type Answer, json } from '../../http/answer.ts'
import { commentEndpoints } from './comment-endpoints.ts'
import type { Endpoint } from './endpoint.ts'
import { mediaEndpoints } from './media-endpoints.ts'
import { type Invalid, invalid, Refusal } from './refusal.ts'
import { storyEndpoints } from './story-endpoints.ts'
import { userEndpoints } from './user-endpoints.ts'
import type { Visit } from './visit.ts'

const endpoints = new Map<string, Endpoint>(
  Object.entries({ ...userEndpoints, ...mediaEndpoints, ...commentEndpoints, ...storyEndpoints }),
)

/** Requests a call is charged as; `force=on` skips the privacy check, which saves one (B3). */
export function costOf(path: string, params: URLSearchParams): number {
  const cost = endpoints.get(path)?.cost ?? 1
  return cost > 1 && params.get('force') === 'on' ? cost - 1 : cost
}

export function visitEndpoint(path: string, visit: Visit): Answer {
  const endpoint = endpoints.get(path)
  if (endpoint === undefined) return json(404, { detail: 'Not Found' })
  const problems = problemsOf(endpoint, visit.params)
  if (problems.length > 0) return invalid(problems)
  try {
    return endpoint.answer(visit)
  } catch (error) {
    if (error instanceof Refusal) return error.answer
    throw error
  }
}

function problemsOf({ required = {} }: Endpoint, params: URLSearchParams): Invalid[] {
  const problems: Invalid[] = []
  for (const [name, kind] of Object.entries(required)) {
    const value = params.get(name)
    if (value === null || value === '') {
      problems.push({ loc: ['query', name], msg: 'Field required', type: 'missing' })
    } else if (kind === 'id' && !/^\d{1,25}(_\d{1,25})?$/.test(value)) {
      const msg = 'Input should be a valid integer'
      problems.push({ loc: ['query', name], msg, type: 'int_parsing' })
    }
  }
  return problems
}
