import { type Answer, json } from '../http/answer.ts'
import type { ApolloSettings } from './options.ts'

/** 422 and whatever else says `{error}` (upstreams/apollo.md, 5). */
export function refusal(status: number, error: string): Answer {
  return json(status, { error })
}

export function unauthorized({ unauthorizedAs }: ApolloSettings): Answer {
  const text = 'Invalid access credentials.'
  if (unauthorizedAs === 'text') {
    return { status: 401, contentType: 'text/plain; charset=utf-8', text }
  }
  return refusal(401, text)
}

export function inaccessible(path: string): Answer {
  const error = `${path.slice(1)} is not accessible with this api_key on your plan`
  return json(403, { error, error_code: 'API_INACCESSIBLE' })
}

/** `message`, not `error`: it names path, count and window. */
export function tooMany(path: string, count: number, window: string): Answer {
  return json(429, {
    message: `The maximum number of api calls allowed for ${path.slice(1)} is ${count} times per ${window}.`,
  })
}
