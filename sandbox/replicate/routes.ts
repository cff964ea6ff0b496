import { type Answer, json } from '../http/answer.ts'
import type { Ask } from '../upstream.ts'
import { createAnswer } from './create.ts'
import { refusal } from './errors.ts'
import type { ReplicateParts } from './parts.ts'
import { advance, complete, type Prediction } from './prediction.ts'
import { predictionJson } from './tell-prediction.ts'

/** Create, get, list, cancel (upstreams/ml-vision.md, 1.1); there is no way to ask for many by their ids. */
export function routed(parts: ReplicateParts, ask: Ask): Answer {
  const { method, path } = ask
  if (path === '/v1/predictions') {
    if (method === 'POST') return createAnswer(parts, ask)
    return method === 'GET' ? listAnswer(parts, ask) : notAllowed(ask)
  }
  const [, id = '', cancels] = /^\/v1\/predictions\/([^/]+)(\/cancel)?$/.exec(path) ?? []
  if (id === '') return refusal(404, 'there is nothing here')
  if (method !== (cancels === undefined ? 'GET' : 'POST')) return notAllowed(ask)
  const one = parts.predictions.get(id)
  if (one === undefined) return refusal(404, 'there is no such prediction')
  advance(parts, one, parts.clock.nowMs())
  if (cancels === undefined) bookPoll(parts, ask, [one])
  else if (one.ending === undefined) complete(parts, one, 'canceled')
  return { ...json(200, predictionJson(parts, one, ask.baseUrl)), rows: 1 }
}

/** The newest first; a cursor counts from the oldest, so that new ones move no page. */
function listAnswer(parts: ReplicateParts, ask: Ask): Answer {
  const { settings, predictions, clock } = parts
  const cursor = new URLSearchParams(ask.search).get('cursor')
  const all = [...predictions.values()]
  const to = cursor === null ? all.length : Number(Buffer.from(cursor, 'base64url').toString())
  if (!Number.isSafeInteger(to) || to < 0) return refusal(400, 'the cursor is not valid')
  const from = Math.max(0, to - settings.perPage)
  const here = all.slice(from, to).toReversed()
  for (const one of here) advance(parts, one, clock.nowMs())
  bookPoll(parts, ask, here)
  const link = (position: number) => {
    const text = Buffer.from(String(position)).toString('base64url')
    return `${ask.baseUrl}/v1/predictions?cursor=${text}`
  }
  const body = {
    previous: to < all.length ? link(Math.min(all.length, to + settings.perPage)) : null,
    next: from > 0 ? link(from) : null,
    results: here.map((one) => predictionJson(parts, one, ask.baseUrl)),
  }
  return { ...json(200, body), rows: here.length }
}

function bookPoll(parts: ReplicateParts, { arrivedMs }: Ask, asked: readonly Prediction[]) {
  const ended = asked.filter(({ ending }) => ending !== undefined).length
  const at = Math.round(arrivedMs * 1000) / 1000
  const time = new Date().toISOString()
  parts.polls.add({ at, time, ids: asked.length, open: parts.open.size, ended })
}

function notAllowed({ method, path }: Ask): Answer {
  return refusal(405, `${method} is not allowed at ${path}`)
}
