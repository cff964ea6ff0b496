import type { BatchToPoll } from '../db/analysis-batches.ts'
import { Fault } from '../errors.ts'
import type { AnalysisService, PollAnswer } from '../etl/extract/analysis/service.ts'
import type { RequestContext } from '../etl/extract/http-client.ts'
import { HttpFault } from '../etl/extract/verdict.ts'

/** So many requests in a row that fail, down from 100 jobs to one, and the next: then it is no single job that they fail at. */
const mostInVain = 8

/** What came of asking for batches. */
export interface Asked {
  answer: PollAnswer
  answered: BatchToPoll[]
  /** Asked for alone, and the service failed at it. */
  silent: { batch: BatchToPoll; fault: Fault }[]
  /** Not asked for, since the service fails at others too. */
  left: BatchToPoll[]
}

/**
 * Asks for batches in one request; where that fails for what may be one of them, for fewer and fewer, down to the one.
 * @throws what the service said, where it answered for none of several.
 */
export async function askFor(
  api: AnalysisService,
  batches: readonly BatchToPoll[],
  context: RequestContext,
): Promise<Asked> {
  const asked: Asked = {
    answer: { jobs: [], missing: [], retryAfterMs: undefined },
    answered: [],
    silent: [],
    left: [],
  }
  const parts = [batches]
  let inVain = 0
  for (let part = parts.pop(); part; part = parts.pop()) {
    try {
      const names = part.map((batch) => batch.remote_id)
      const { jobs, missing, retryAfterMs } = await api.poll(names, context)
      asked.answer = {
        jobs: [...asked.answer.jobs, ...jobs],
        missing: [...asked.answer.missing, ...missing],
        retryAfterMs: retryAfterMs ?? asked.answer.retryAfterMs,
      }
      asked.answered.push(...part)
      inVain = 0
    } catch (thrown) {
      if (context.signal.aborted || !mayBeOfOne(thrown) || ++inVain > mostInVain) {
        if (context.signal.aborted || asked.answered.length === 0) throw thrown
        asked.left.push(...part, ...parts.flat())
        return asked
      }
      const middle = Math.ceil(part.length / 2)
      if (part.length > 1) parts.push(part.slice(middle), part.slice(0, middle))
      else asked.silent.push(...part.map((batch) => ({ batch, fault: thrown })))
    }
  }
  return asked
}

/** Not of a service that is down, or does not want us: 503, 429, 401, 402, no connection. */
function mayBeOfOne(thrown: unknown): thrown is Fault {
  if (!(thrown instanceof Fault)) return false
  if (thrown instanceof HttpFault && thrown.status === 503) return false
  return ['upstream', 'bad_answer', 'bad_request'].includes(thrown.kind)
}
