import { sql, type Transaction } from 'kysely'
import type { ErrorRecord } from '../errors.ts'
import type { Db } from './connect.ts'
import { toJsonb } from './jsonb.ts'
import type { Lease } from './leases.ts'
import type { DB } from './schema.generated.ts'

export type Outcome =
  /** Its own work is done: with children, it waits for the last of them. */
  | { status: 'succeeded'; result: object }
  | { status: 'failed'; error: ErrorRecord }
  | { status: 'cancelled' }

/**
 * Ends an attempt. The first one to settle wins: undefined means that the lease was no longer ours and nothing was changed.
 * A child settles under a lock on its parent, so that the last two children cannot miss each other.
 */
export async function settle(
  db: Db,
  lease: Pick<Lease, 'call' | 'token'>,
  outcome: Outcome,
): Promise<Outcome['status'] | 'waiting' | undefined> {
  const { id, parent_id, root_id } = lease.call
  return await db.transaction().execute(async (trx) => {
    if (parent_id) await lockCall(trx, parent_id)
    // Whoever adds children holds the call's lease, so none can come any more once it is given up here.
    const waits = outcome.status === 'succeeded' && (await hasChildren(trx, id))
    const status = waits ? 'waiting' : outcome.status
    const { numUpdatedRows } = await trx
      .updateTable('ledger.job_calls')
      .set({
        status,
        lease_token: null,
        lease_expires_at: null,
        finished_at: waits ? null : sql<Date>`clock_timestamp()`,
        result: 'result' in outcome ? toJsonb(outcome.result) : null,
        error: 'error' in outcome ? toJsonb(outcome.error) : null,
      })
      .where('id', '=', id)
      .where('lease_token', '=', lease.token)
      .executeTakeFirst()
    if (numUpdatedRows === 0n) return undefined
    if (outcome.status === 'succeeded') await closeUnneeded(trx, id)
    if (outcome.status === 'cancelled') await cancelAnalyses(trx, [id])
    if (outcome.status === 'failed' && parent_id && endsTheTree.has(outcome.error.kind))
      await failQueued(trx, root_id, outcome.error)
    // Its children may all have ended before it began to wait for them.
    await settleParents(trx, waits ? id : parent_id)
    return status
  })
}

/** What each other call of the tree would meet too: a token that is refused, an account that is shut out. */
const endsTheTree: ReadonlySet<ErrorRecord['kind']> = new Set(['unauthorized', 'blocked'])

/** Ends what of a tree has not begun, with the reason why it need not. Resuming the tree queues it again. */
async function failQueued(trx: Transaction<DB>, rootId: string, error: ErrorRecord): Promise<void> {
  const { rows } = await sql<{ parent_id: string }>`
    with queued as materialized (
      select id from ledger.job_calls
      where root_id = ${rootId} and finished_at is null and status = 'queued' and parent_id is not null order by id for update
    ), failed as (
      update ledger.job_calls c set status = 'failed', finished_at = clock_timestamp(), next_attempt_at = null,
        error = ${toJsonb(error)}::jsonb
      from queued q where c.id = q.id and c.status = 'queued'
      returning c.parent_id
    )
    select distinct parent_id from failed order by parent_id`.execute(trx)
  for (const { parent_id } of rows) await settleParents(trx, parent_id)
}

/** Streams that an attempt opened before it was killed, and the one that came to the end did without: the ledger says so. */
async function closeUnneeded(trx: Transaction<DB>, id: string): Promise<void> {
  const error = { kind: 'skipped', message: 'its job call has succeeded without it' }
  await sql`
    update ledger.service_calls set status = 'skipped', error = ${toJsonb(error)}::jsonb, finished_at = clock_timestamp()
    where job_call_id = ${id} and status = 'open'`.execute(trx)
}

/** Ends what is out for analysis of these calls. */
export async function cancelAnalyses(
  trx: Transaction<DB>,
  callIds: readonly string[],
): Promise<void> {
  await sql`
    with locked as materialized (
      select t.content_key, t.service from ledger.job_calls c
      join ledger.analysis_tasks t on t.root_call_id = c.root_id and t.job_call_id = c.id and t.finished_at is null
      where c.id = any(${callIds}::uuid[]) order by t.content_key, t.service for update of t
    )
    update ledger.analysis_tasks t set status = 'cancelled', finished_at = clock_timestamp()
    from locked l where t.content_key = l.content_key and t.service = l.service`.execute(trx)
}

async function hasChildren(trx: Transaction<DB>, id: string): Promise<boolean> {
  const child = await trx
    .selectFrom('ledger.job_calls')
    .select('id')
    .where('parent_id', '=', id)
    .limit(1)
    .executeTakeFirst()
  return child !== undefined
}

async function lockCall(trx: Transaction<DB>, id: string): Promise<void> {
  await sql`select from ledger.job_calls where id = ${id} for update`.execute(trx)
}

/** Ends a parent that waits for children and has none open, and then its own parent, upwards. */
export async function settleParents(trx: Transaction<DB>, parentId: string | null): Promise<void> {
  for (let id = parentId; id !== null; ) {
    await lockCall(trx, id)
    const { rows } = await sql<{ parent_id: string | null }>`
      with children as (
        -- A child that only hands on what its parent names counts for what is under it: 3 of 200 profiles, not 2 of 2 batches.
        select count(*) filter (where finished_at is null) as open,
          coalesce(sum(case when is_parent then (result ->> 'children')::bigint else 1 end), 0) as total,
          coalesce(sum(case when is_parent then (result ->> 'failed')::bigint else (status = 'failed')::int end), 0) as failed,
          coalesce(sum(case when is_parent then (result ->> 'cancelled')::bigint else (status = 'cancelled')::int end), 0) as cancelled
        from (
          select *, coalesce(result ?& array['children', 'of'], false) as is_parent from ledger.job_calls where parent_id = ${id}
        ) c
      )
      update ledger.job_calls c set finished_at = clock_timestamp(),
        status = case when c.cancel_requested_at is not null and k.cancelled > 0 then 'cancelled'
          when k.failed + k.cancelled > 0 then 'failed' else 'succeeded' end,
        result = coalesce(c.result, '{}') || jsonb_build_object('children', k.total, 'failed', k.failed, 'cancelled', k.cancelled),
        error = case when k.failed + k.cancelled > 0 and (c.cancel_requested_at is null or k.cancelled = 0) then jsonb_build_object('kind', 'children',
          'message', format('%s of %s %s failed', k.failed + k.cancelled, k.total, coalesce(c.result ->> 'of', 'child calls')),
          'hint', format('npm run ledger -- show %s names them; npm run ledger -- resume %s runs just those again', c.id, c.id)) end
      from children k
      where c.id = ${id} and c.status = 'waiting' and c.next_attempt_at is null and k.total > 0 and k.open = 0
      returning c.parent_id`.execute(trx)
    id = rows[0]?.parent_id ?? null
  }
}
