import { setTimeout } from 'node:timers/promises'
import type { Logger } from '../log.ts'
import { isDatabaseAway } from './lost-connection.ts'

/**
 * Does work on the database again while the database is away: after 0.1 s, then ever longer, up to 2 s apart.
 * The work must bear being done twice, since an answer may get lost after a commit.
 * @param patienceMs after which the last error is thrown. Default: a minute.
 */
export async function untilDatabaseAnswers<T>(
  work: () => Promise<T>,
  log: Logger,
  { patienceMs = 60_000, signal }: { patienceMs?: number; signal?: AbortSignal } = {},
): Promise<T> {
  const begun = performance.now()
  for (let again = 0; ; again++) {
    try {
      return await work()
    } catch (error) {
      if (!isDatabaseAway(error) || signal?.aborted || performance.now() - begun > patienceMs)
        throw error
      log.warn({ reason: String(error) }, 'the database is away; tried again')
      await setTimeout(Math.min(2000, 100 * 2 ** again), undefined, signal ? { signal } : {})
    }
  }
}
