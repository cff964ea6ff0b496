import { z } from 'zod'
import { ndjson } from '../http/answer.ts'
import type { AdminCall } from '../upstream.ts'
import { sha256 } from './hash.ts'
import type { createPollBook } from './poll-book.ts'
import type { createTallies } from './tallies.ts'

const querySchema = z.strictObject({
  /** As /analysed tells it. Default: all. */
  content: z.string().optional(),
  /** Or the text itself. */
  text: z.string().optional(),
})

/** `/analysed`: how often each content was handed in and what came of it. `/polls`: every request for its state, by time. */
export function tallyCalls(
  parts: {
    tallies: ReturnType<typeof createTallies>
    polls: ReturnType<typeof createPollBook>
  },
  settle: () => void,
): AdminCall[] {
  return [
    {
      method: 'GET',
      path: '/analysed',
      handle(_, query) {
        settle()
        const { content, text } = querySchema.parse(Object.fromEntries(query))
        return ndjson(parts.tallies.all(text === undefined ? content : `text:${sha256(text)}`))
      },
    },
    { method: 'GET', path: '/polls', handle: () => ndjson(parts.polls.all()) },
  ]
}
