import { isoTime } from '../analysis/clock.ts'
import { outputOf } from './output.ts'
import type { ReplicateParts } from './parts.ts'
import { isRemoved, type Prediction, statusAt } from './prediction.ts'

/** A prediction at a moment. Once input, output and logs are removed, `data_removed` says so. */
export function predictionJson(
  parts: ReplicateParts,
  one: Prediction,
  baseUrl: string,
  nowMs = parts.clock.nowMs(),
): Record<string, unknown> {
  const { id, model, completedMs, ending } = one
  const began =
    ending !== 'aborted' && (ending === undefined || !isBefore(completedMs, one.startMs))
  const hasStarted = began && nowMs >= one.startMs
  const removed = isRemoved(parts, one, nowMs)
  const url = `${baseUrl}/v1/predictions/${id}`
  return {
    id,
    model: model.name,
    version: model.version,
    input: removed ? {} : one.input,
    output: removed || ending !== 'succeeded' ? null : outputOf(one),
    logs: removed || !hasStarted ? '' : `Using seed: ${parts.seed}\n`,
    error: ending === 'failed' ? one.error : null,
    status: statusAt(one, nowMs),
    source: 'api',
    data_removed: removed,
    created_at: isoTime(one.createdMs),
    started_at: hasStarted ? isoTime(one.startMs) : null,
    completed_at: completedMs === undefined ? null : isoTime(completedMs),
    ...(completedMs !== undefined && {
      metrics: {
        ...(hasStarted && { predict_time: (completedMs - one.startMs) / 1000 }),
        total_time: (completedMs - one.createdMs) / 1000,
      },
    }),
    urls: { get: url, cancel: `${url}/cancel`, web: `https://replicate.test/p/${id}` },
  }
}

const isBefore = (moment: number | undefined, other: number): boolean =>
  moment !== undefined && moment < other
