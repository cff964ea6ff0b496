import type { Selectable } from 'kysely'
import { sql } from 'kysely'
import { listActions } from '../../db/actions.ts'
import type { Db } from '../../db/connect.ts'
import type { LedgerActions } from '../../db/schema.generated.ts'
import type { Page } from './frame.ts'
import { type Html, html } from './html.ts'
import { moment } from './pieces.ts'

type Action = Selectable<LedgerActions>

const most = 200

/** Who did what, by a button or a command: `ledger.actions`. */
export async function readActionsPage(db: Db): Promise<Page> {
  const actions = await listActions(db, { limit: most })
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(db)
  const now = rows[0]?.now ?? new Date()
  const list =
    actions.length > 0
      ? actionsList(actions, now)
      : html`<p class="none">Nobody did anything so far.</p>`
  return { title: 'Who did what', live: [{ id: 'actions', content: list }] }
}

export function actionsList(actions: readonly Action[], now: Date): Html {
  if (actions.length === 0) return html``
  return html`<ul class="actions" aria-label="What people did">${actions.map(
    (action) =>
      html`<li>${moment('at', action.at, now)}: <strong>${action.who}</strong> ${words[action.action]} ${object(action)}${action.door === 'cli' && html` <span class="note">at a terminal</span>`}</li>`,
  )}</ul>`
}

const words: Record<string, string> = {
  run: 'started',
  resume: 'resumed',
  cancel: 'cancelled',
  pause: 'paused the schedule of',
  unpause: 'let the schedule go on of',
  unblock: 'unblocked',
}

function object({ job, job_call_id, service }: Action): Html {
  if (job_call_id !== null)
    return html`<a href="/calls/${job_call_id}">${job} ${job_call_id.slice(0, 13)}</a>`
  if (job !== null) return html`<a href="/jobs/${encodeURIComponent(job)}">${job}</a>`
  return html`<a href="/upstreams">${service}</a>`
}
