import { hasSkipped, type Seed } from '../db/service-calls.ts'
import { askForFilters, knownFilters } from '../etl/extract/amocrm/filters.ts'
import type { Amocrm } from '../etl/extract/amocrm/upstream.ts'
import type { Operation } from '../etl/stream.ts'
import { Skipped } from '../errors.ts'
import type { Run } from './job.ts'

export interface Way<Cursor, Row> {
  operation: Operation<Cursor, Row>
  seeds: readonly Omit<Seed, 'operation'>[]
}

/** Reading an account with filters, or without where they are off or turn out to be ignored. */
export interface TwoWays {
  /** Whether filters work, as far as known; the account is asked at most once an hour, and only when something is to be read. */
  filtersWork(): Promise<boolean>
  read<A, B, Row>(filtered: Way<A, Row>, otherwise: Way<B, Row>): Promise<void>
}

export function openTwoWays(run: Run<object>, crm: Amocrm, parallel: number): TwoWays {
  const { db, call, log } = run
  let filters: boolean | undefined

  async function filtersWork(): Promise<boolean> {
    filters ??= await knownFilters(db, crm)
    if (filters === undefined) {
      await run.streams(askForFilters(crm), [{ subject: `attempt ${call.attempt}`, cursor: {} }])
      filters = (await knownFilters(db, crm)) ?? false
      if (!filters) log.warn('filtering is off in this account: lists are read in order instead')
    }
    return filters
  }

  return {
    filtersWork,
    async read(filtered, otherwise) {
      const { operation } = filtered
      if (await filtersWork()) {
        await run.streams(operation, filtered.seeds, { parallel })
        filters = !(await hasSkipped(db, call.id, operation.service, operation.operation))
      } else await run.streams(passOver(operation), [])
      // Also what an earlier attempt left open, when filters were off.
      await run.streams(otherwise.operation, filters ? [] : otherwise.seeds, { parallel })
    },
  }
}

/** Ends streams that an earlier attempt left open: they cannot be read this way any more. */
function passOver<Cursor, Row>(operation: Operation<Cursor, Row>): Operation<Cursor, Row> {
  const { service, operation: name, entity } = operation
  return {
    service,
    operation: name,
    entity,
    extract: () => Promise.reject(new Skipped('filtering is off in this account')),
  }
}
