import { setTimeout } from 'node:timers/promises'
import { countAnalysisOpen } from '../db/analysis-due.ts'
import { Fault } from '../errors.ts'
import { type RunTreeOptions, runTree } from '../jobs/run-tree.ts'
import { pollAnalysis } from '../jobs/poll-analysis.ts'
import { startCall } from '../jobs/start-call.ts'

const lookAgainMs = 500

/**
 * Waits until nothing of a call's tree is out for analysis, so many seconds at most: hands over and asks in this process, where no
 * other one does. Answers how many are still out.
 */
export async function waitForAnalysis(
  rootId: string,
  seconds: number,
  options: RunTreeOptions,
  onWait: (open: number) => void,
): Promise<number> {
  const { executor, stopping } = options
  const { db, settings } = executor
  const until = performance.now() + seconds * 1000
  for (let looks = 0; ; looks++) {
    const open = await countAnalysisOpen(db, rootId)
    const leftSeconds = Math.floor((until - performance.now()) / 1000)
    if (open === 0 || leftSeconds < 1 || stopping.aborted) return open
    if (looks === 0) onWait(open)
    if (await pollAnalysis.isDue?.({ db, settings })) await pollOnce(leftSeconds, options)
    await setTimeout(lookAgainMs)
  }
}

/** What goes wrong stands in the ledger, and is tried again while there is time. */
async function pollOnce(seconds: number, options: RunTreeOptions): Promise<void> {
  const params = { seconds: Math.min(seconds, 300) }
  try {
    const { id } = await startCall(options.executor.db, pollAnalysis, params, { fresh: true })
    await runTree(id, options)
  } catch (error) {
    if (!(error instanceof Fault && error.kind === 'busy')) throw error
  }
}
