import { sql, type Transaction } from 'kysely'
import { forgetMet, noteMet } from '../db/records-met.ts'
import type { DB } from '../db/schema.generated.ts'
import type { Run } from './job.ts'

export type MetEntity = 'contacts' | 'companies'

/** What a whole list has shown, kept so that the rest can be looked for. */
export function openMet({ db, call }: Run<object>) {
  return {
    async note(trx: Transaction<DB>, entity: MetEntity, ids: readonly string[]): Promise<void> {
      await noteMet(trx, call.id, entity, ids)
    },

    /** Ids of what we have and the list did not show. Nothing where it showed nothing at all. */
    async missing(entity: MetEntity): Promise<string[]> {
      const known =
        entity === 'contacts'
          ? sql`deleted_at is null and missing_since is null`
          : sql`deleted_at is null`
      // `except` compares as a whole: the planner knows nothing of rows written just now, and would look each up by itself.
      const { rows } = await sql<{ id: string }>`
        select external_id as id from ${sql.table(`public.${entity}`)}
        where source = 'amocrm' and ${known}
          and exists (select from ledger.records_met where job_call_id = ${call.id} and entity = ${entity})
        except
        select external_id from ledger.records_met where job_call_id = ${call.id} and entity = ${entity}`.execute(
        db,
      )
      return rows.map(({ id }) => id)
    },

    forget: (entity: MetEntity) => forgetMet(db, call.id, entity),
  }
}
