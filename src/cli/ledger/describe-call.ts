import type { Selectable } from 'kysely'
import type { JobCall } from '../../db/job-calls.ts'
import type { LedgerRuns } from '../../db/schema.generated.ts'
import type { ErrorRecord } from '../../errors.ts'
import { isoTime, plural, size, span, tookFrom } from '../format.ts'

type Run = Selectable<LedgerRuns>
type Line = readonly [label: string, value: string | null | undefined]

/** A job call in labelled lines. `leaseLeft`: seconds, by the database's clock. */
export function describeCall(call: JobCall, run: Run, leaseLeft: number | undefined): Line[] {
  const error = call.error as ErrorRecord | null
  const cancelled =
    call.cancel_requested_by &&
    `by ${call.cancel_requested_by} at ${isoTime(call.cancel_requested_at)}`
  return [
    ['job call', call.id],
    ['job', call.job],
    ['subject', call.subject],
    ['params', JSON.stringify(call.params)],
    [
      'status',
      `${call.status}, ${call.attempt === 0 ? 'not yet tried' : `attempt ${call.attempt}`}${describeFailures(call)}`,
    ],
    [
      'trigger',
      call.scheduled_for ? `${call.trigger}, for ${isoTime(call.scheduled_for)}` : call.trigger,
    ],
    ['queued', isoTime(call.queued_at)],
    ['started', isoTime(call.started_at)],
    [
      'finished',
      call.finished_at
        ? `${isoTime(call.finished_at)}, after ${tookFrom(call.started_at ?? call.queued_at, call.finished_at)}`
        : '',
    ],
    ['worker', describeWorker(call, leaseLeft)],
    ['goes on at', isoTime(call.next_attempt_at)],
    ['cancel asked', cancelled],
    ['result', call.result === null ? '' : JSON.stringify(call.result)],
    [
      'progress',
      call.finished_at === null && call.progress !== null ? JSON.stringify(call.progress) : '',
    ],
    ['error', error && `${error.kind}: ${error.message}`],
    ['hint', error?.hint],
    ['adopted from', call.adopted_from],
    ['asked', describeRequests(run)],
    ['rows', describeRows(run)],
    ['checks', describeChecks(call)],
    ['analysis', run.analysis_open ? `${run.analysis_open} still out` : ''],
  ]
}

function describeFailures({ failures }: JobCall): string {
  return failures > 0 ? `, ${plural(failures, 'failed attempt')} since it was queued` : ''
}

function describeWorker({ worker, status }: JobCall, leaseLeft = 0): string {
  if (!worker || status !== 'running') return worker ?? ''
  return leaseLeft < 0
    ? `${worker}, which is gone: its lease ran out ${span(-leaseLeft * 1000)} ago`
    : `${worker}, lease for ${span(leaseLeft * 1000)} more`
}

function describeChecks({ checked_at: at, checks_failed: failed }: JobCall): string {
  if (!at) return ''
  return `${failed ? `${failed} failed` : 'none failed'}, at ${isoTime(at)}`
}

function describeRequests(run: Run): string {
  const credits =
    run.credits || run.credits_in_doubt
      ? `; ${run.credits} credits${run.credits_in_doubt ? ` and ${run.credits_in_doubt} in doubt` : ''}`
      : ''
  return `${plural(run.requests ?? 0, 'request')} (${plural(run.retries ?? 0, 'retry', 'retries')}), ${plural(run.pages ?? 0, 'page')}, ${size(run.bytes ?? 0)}; waited ${span(run.throttled_ms ?? 0)} for the quota${credits}`
}

function describeRows(run: Run): string {
  return `${run.rows_read} read: ${run.rows_inserted} inserted, ${run.rows_updated} updated, ${run.rows_unchanged} unchanged, ${run.rows_rejected} rejected`
}
