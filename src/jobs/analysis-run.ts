import type { AnalysisServiceName } from '../db/analysis-batches.ts'
import type { Policy } from '../db/analysis-ends.ts'
import type { Lease } from '../db/leases.ts'
import type { PollParams } from './poll-analysis.ts'
import type { Run } from './job.ts'

/** What the steps of one call of `poll-analysis` share. */
export interface AnalysisRun extends Run<PollParams> {
  lease: Pick<Lease, 'call' | 'token'>
  /** Whether it has worked long enough: the next call goes on. */
  isOver(): boolean
  /** Whether there is a way to read media again. */
  canReadAgain: boolean
}

export function policyOf(
  { params, canReadAgain }: AnalysisRun,
  service: AnalysisServiceName,
): Policy {
  return { service, maxAttempts: params.maxAttempts, canReadAgain }
}
