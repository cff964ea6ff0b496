import type { Selectable } from 'kysely'
import { oneLine, plural, tookFrom } from '../../cli/format.ts'
import { type OperationSums } from '../../db/call-sums.ts'
import type { LedgerRuns } from '../../db/schema.generated.ts'
import { bar } from './bar.ts'
import { type Html, html } from './html.ts'
import { errorNote, figure, statusBadge } from './pieces.ts'
import { type Column, numbers, type Row, table } from './table.ts'

type Run = Selectable<LedgerRuns>
type Named = { id: string; job: string; subject: string }

/** Where a call stands in its tree: its job, and the calls above it. */
export function crumbs(call: Named, above: readonly Named[]): Html {
  const top = above[0] ?? call
  return html`<nav class="crumbs" aria-label="Above this call"><a href="/jobs/${encodeURIComponent(top.job)}">${top.job}</a>${above.map((one) => html` › <a href="/calls/${one.id}">${nameOf(one)}</a>`)} › <span aria-current="page">${nameOf(call)}</span></nav>`
}

export const nameOf = ({ id, job, subject }: Named) =>
  `${job}${subject ? ` ${oneLine(subject, 60)}` : ''} ${id.slice(0, 13)}`

export function childrenTable(
  children: readonly Run[],
  counts: readonly { status: string; count: number }[],
  failed: readonly (Named & { message: string })[],
): Html {
  if (children.length === 0) return html``
  const all = counts.reduce((sum, { count }) => sum + count, 0)
  return html`<h2>${plural(all, 'call')} under this one</h2>
<p>${counts.map(childCount)}</p>
${table('Calls under this one', childColumns, { rows: children.map(cellsOf) })}
${all > children.length && html`<p class="note">… and ${all - children.length} more</p>`}
${failed.length > 0 && html`<h3>What failed further down</h3><ul>${failed.map(failedLine)}</ul>`}`
}

const childCount = ({ status, count }: { status: string; count: number }) =>
  html`${statusBadge(status)} ${figure(`children_${status}`, count)} `

const failedLine = (one: Named & { message: string }) =>
  html`<li><a href="/calls/${one.id}">${nameOf(one)}</a>: ${oneLine(one.message, 200)}</li>`

const childColumns: Column[] = [
  'call',
  ['done', 'progress'],
  ...numbers('took', 'attempts', 'requests', 'rows read'),
  'error',
]

function cellsOf(run: Run): Row {
  const open = run.children ? run.children_open : run.streams_open
  const all = (run.children || run.streams) ?? 0
  const share = run.finished_at ? 1 : all > 0 ? (all - (open ?? 0)) / all : 0
  const call = { id: run.id ?? '', job: run.job ?? '', subject: run.subject ?? '' }
  const name = call.subject ? oneLine(call.subject, 60) : nameOf(call)
  return [
    html`<a href="/calls/${run.id}">${name}</a> ${statusBadge(run.status ?? '')}`,
    bar(share, `${call.subject} ${call.id}`, run.status ?? ''),
    tookFrom(run.started_at, run.finished_at),
    run.attempt,
    figure('child_requests', run.requests),
    figure('child_rows_read', run.rows_read),
    errorNote(run.error),
  ]
}

const columns = [
  ['streams', 'streams'],
  ['pages', 'pages'],
  ['requests', 'requests'],
  ['retries', 'retries'],
  ['rows_read', 'read'],
  ['rows_inserted', 'inserted'],
  ['rows_updated', 'updated'],
  ['rows_unchanged', 'unchanged'],
  ['rows_rejected', 'rejected'],
  ['credits', 'credits'],
] as const

/** What the whole tree read, by operation; undefined: it is being added up. */
export function treeSums(sums: readonly OperationSums[] | undefined): Html {
  if (!sums) return html`<h2>Read by all of them</h2><p class="note">is being added up …</p>`
  if (sums.length === 0) return html``
  const rows = sums.map((one) => [
    html`${one.service} ${one.operation} ${statusBadge(one.status)}`,
    ...columns.map(([field]) => figure(`tree_${field}`, one[field])),
  ])
  const names = columns.map(([, name]) => name)
  return html`<h2>Read by all of them</h2>
${table('Sums by operation', ['operation', ...numbers(...names)], { rows })}`
}
