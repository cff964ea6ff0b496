import { pagesLeft } from '../../etl/pages-left.ts'
import { isoTime, oneLine, plural, span, timeLeft, tookFrom } from '../format.ts'
import { plainTable } from '../plain-table.ts'
import type { LiveCall, LiveStream, Reading } from './watch-reading.ts'

/** What is under way, as lines for a screen; rates since the reading before. */
export function frameOf(now: Reading, before: Reading | undefined): string[] {
  const lines = [`${isoTime(now.at)}  ${summary(now)}`]
  if (now.blocked.length > 0)
    lines.push(`blocked: ${now.blocked.join(', ')} (npm run ledger -- unblock SERVICE)`)
  if (now.calls.length > 0) lines.push('', ...callsTable(now).split('\n'))
  if (now.callsInAll > now.calls.length)
    lines.push(`... and ${now.callsInAll - now.calls.length} more`)
  if (now.streams.length > 0) lines.push('', ...streamsTable(now, before).split('\n'))
  return lines
}

/** The same in few words, for where nothing can be drawn: a line a call. */
export function plainLines(now: Reading, before: Reading | undefined): string[] {
  if (now.calls.length === 0) return [`${isoTime(now.at)} nothing is under way`]
  return now.calls.map((call) => {
    const streams = now.streams.filter(({ callId }) => callId === call.id)
    const rows = streams.reduce((sum, stream) => sum + stream.rows, 0)
    const rate = streams.reduce((sum, stream) => sum + (rateOf(stream, now, before) ?? 0), 0)
    const parts = [
      `${isoTime(now.at)} ${call.job} ${call.id}: ${call.status}`,
      call.subject && oneLine(call.subject, 40),
      call.children > 0 && childrenOf(call),
      plural(call.streamsOpen, 'open stream'),
      rows > 0 && `${plural(rows, 'row')} in them (${rate}/s)`,
      call.analysisOpen > 0 && `${call.analysisOpen} out for analysis`,
      waitsUntil(call),
    ]
    return parts.filter(Boolean).join(', ')
  })
}

function summary({ calls, callsInAll }: Reading): string {
  if (callsInAll === 0) return 'nothing is under way'
  const byStatus = Map.groupBy(calls, ({ status }) => status)
  const counts = [...byStatus].map(([status, some]) => `${some.length} ${status}`)
  return `${plural(callsInAll, 'job call')}: ${counts.join(', ')}`
}

function callsTable({ calls }: Reading): string {
  const head = ['job call', 'job', 'subject', 'status', 'for', 'children', 'streams', 'analysis']
  const rows = calls.map((call) => [
    call.id,
    call.job,
    oneLine(call.subject, 30),
    `${call.status}${waitsUntil(call)}`,
    tookFrom(call.startedAt, null),
    call.children > 0 ? childrenOf(call) : '',
    call.streamsOpen || '',
    call.analysisOpen || '',
  ])
  return plainTable(head, rows)
}

function streamsTable(now: Reading, before: Reading | undefined): string {
  const head = [
    'service',
    'operation',
    'subject',
    'pages',
    'rows',
    'rows/s',
    'left',
    'waited',
    'quiet for',
  ]
  const rows = now.streams.map((stream) => {
    const left = pagesLeft(stream.cursor)
    const pagesPerMs = perMs(stream, now, before, 'pages')
    const leftMs = left && pagesPerMs ? left / pagesPerMs : undefined
    return [
      stream.service,
      stream.operation,
      oneLine(stream.subject, 30),
      stream.pages,
      stream.rows,
      rateOf(stream, now, before) ?? '',
      left === undefined ? '' : `${plural(left, 'page')}${timeLeft(leftMs)}`,
      stream.throttledMs > 0 ? span(stream.throttledMs) : '',
      span(stream.quietMs),
    ]
  })
  return plainTable(head, rows)
}

const childrenOf = ({ children, childrenOver }: LiveCall) => `${childrenOver} of ${children} over`

const waitsUntil = ({ nextAttemptAt }: LiveCall) =>
  nextAttemptAt ? ` until ${isoTime(nextAttemptAt)}` : ''

/** Rows a second since the reading before; undefined where that did not have the stream. */
function rateOf(stream: LiveStream, now: Reading, before: Reading | undefined): number | undefined {
  const rate = perMs(stream, now, before, 'rows')
  return rate === undefined ? undefined : Math.round(rate * 1000)
}

function perMs(
  stream: LiveStream,
  now: Reading,
  before: Reading | undefined,
  what: 'rows' | 'pages',
): number | undefined {
  const earlier = before?.streams.find(({ id }) => id === stream.id)
  const ms = before ? now.at.getTime() - before.at.getTime() : 0
  return earlier && ms > 0 ? (stream[what] - earlier[what]) / ms : undefined
}
