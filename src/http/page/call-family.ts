import type { Selectable } from 'kysely'
import { oneLine, plural } from '../../cli/format.ts'
import { type OperationSums } from '../../db/call-sums.ts'
import type { LedgerRuns } from '../../db/schema.generated.ts'
import { bar } from './bar.ts'
import { type Html, html } from './html.ts'
import { errorNote, figure, lasted, statusBadge } from './pieces.ts'

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
<p>${counts.map(({ status, count }) => html`${statusBadge(status)} <data data-field="children_${status}" value="${count}">${count.toLocaleString('en')}</data> `)}</p>
<div class="scroll" tabindex="0" role="region" aria-label="Calls under this one"><table>
<thead><tr><th scope="col">call</th><th scope="col">done</th><th scope="col" class="number">took</th><th scope="col" class="number">attempts</th><th scope="col" class="number">requests</th><th scope="col" class="number">rows read</th><th scope="col">error</th></tr></thead>
<tbody>${children.map(line)}</tbody></table></div>
${all > children.length && html`<p class="note">… and ${all - children.length} more</p>`}
${failed.length > 0 && html`<h3>What failed further down</h3><ul>${failed.map((one) => html`<li><a href="/calls/${one.id}">${nameOf(one)}</a>: ${oneLine(one.message, 200)}</li>`)}</ul>`}`
}

function line(run: Run): Html {
  const open = run.children ? run.children_open : run.streams_open
  const all = (run.children || run.streams) ?? 0
  const share = run.finished_at ? 1 : all > 0 ? (all - (open ?? 0)) / all : 0
  const call = { id: run.id ?? '', job: run.job ?? '', subject: run.subject ?? '' }
  return html`<tr><th scope="row"><a href="/calls/${run.id}">${call.subject ? oneLine(call.subject, 60) : nameOf(call)}</a> ${statusBadge(run.status ?? '')}</th><td class="progress">${bar(share, `${call.subject} ${call.id}`, run.status ?? '')}</td><td class="number">${run.started_at && lasted(((run.finished_at ?? new Date()).getTime() - run.started_at.getTime()) / 1000)}</td><td class="number">${run.attempt}</td><td class="number">${figure('child_requests', run.requests)}</td><td class="number">${figure('child_rows_read', run.rows_read)}</td><td>${errorNote(run.error)}</td></tr>`
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
  return html`<h2>Read by all of them</h2><div class="scroll" tabindex="0" role="region" aria-label="Sums by operation"><table>
<thead><tr><th scope="col">operation</th>${columns.map(([, name]) => html`<th scope="col" class="number">${name}</th>`)}</tr></thead>
<tbody>${sums.map((one) => html`<tr><th scope="row">${one.service} ${one.operation} ${statusBadge(one.status)}</th>${columns.map(([field]) => html`<td class="number">${figure(`tree_${field}`, one[field])}</td>`)}</tr>`)}</tbody></table></div>`
}
