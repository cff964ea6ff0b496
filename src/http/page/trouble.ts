import type { Selectable } from 'kysely'
import { oneLine, plural } from '../../cli/format.ts'
import type { Db } from '../../db/connect.ts'
import type { LedgerTrouble } from '../../db/schema.generated.ts'
import { type Html, html } from './html.ts'
import { moment } from './pieces.ts'

export type Trouble = Selectable<LedgerTrouble>

/** What is not all right: `ledger.trouble`. Of a crowd (each call of a night stuck) the oldest are enough. */
export async function listTroubles(db: Db): Promise<Trouble[]> {
  return await db.selectFrom('ledger.trouble').selectAll().orderBy('since').limit(200).execute()
}

const mostShown = 12

/** The answer to the first question, in a sentence and a colour. */
export function summary(troubles: readonly Trouble[], live: number, now: Date): Html {
  const going = live > 0 ? `${plural(live, 'call')} under way.` : 'Nothing is under way.'
  if (troubles.length === 0)
    return html`<div class="summary good" role="status"><p><strong>All is well.</strong> Nothing failed at last, nothing is stuck. ${going}</p></div>`
  return html`<div class="summary bad" role="status"><p><strong>${troubles.length === 1 ? 'One thing needs' : `${troubles.length} things need`} a look.</strong> ${going}</p>
<ul>${troubles.slice(0, mostShown).map((one) => html`<li>${line(one, now)}</li>`)}</ul>
${troubles.length > mostShown && html`<p>… and ${troubles.length - mostShown} more: <code>select * from ledger.trouble</code></p>`}</div>`
}

function line({ what, job, job_call_id, service, why, hint, since }: Trouble, now: Date): Html {
  // What names the call's own id says how to get to it from a terminal: here it is a link away.
  const advice = job_call_id !== null && hint?.includes(job_call_id) ? null : hint
  return html`<strong>${what}</strong> ${subject(job, job_call_id, service)} ${moment('since', since, now)}: ${oneLine(why ?? '', 300)}${advice && html` <span class="hint">${oneLine(advice, 300)}</span>`}`
}

function subject(
  job: string | null,
  call: string | null,
  service: string | null,
): Html | undefined {
  if (call !== null) return html`<a href="/calls/${call}">${job}</a>`
  if (job !== null) return html`<a href="/jobs/${encodeURIComponent(job)}">${job}</a>`
  return service === null ? undefined : html`<a href="/upstreams">${service}</a>`
}
