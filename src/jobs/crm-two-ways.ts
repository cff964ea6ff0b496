import { hasSkipped, listOpenStreams, type Seed } from '../db/service-calls.ts'
import { askForFilters, knownFilters } from '../etl/extract/amocrm/filters.ts'
import type { Amocrm } from '../etl/extract/amocrm/upstream.ts'
import type { Operation } from '../etl/stream.ts'
import { openUnderWay } from '../etl/under-way.ts'
import { Skipped } from '../errors.ts'
import type { Run } from './job.ts'

export interface Way<Cursor, Row> {
  operation: Operation<Cursor, Row>
  seeds: readonly Omit<Seed, 'operation'>[]
  /** Streams side by side, at most. Default: as many as there are seeds. */
  parallel?: number
}

/** Reading an account with filters, or without where they are off or turn out to be ignored. */
export interface TwoWays {
  /** Whether filters work, as far as known; the account is asked where that is older than `maxAgeMs`, and only when something is to be read. */
  filtersWork(): Promise<boolean>
  read<A, B, Row>(filtered: Way<A, Row>, otherwise: Way<B, Row>): Promise<void>
  /** Reads one way, and what an earlier attempt left open of it. */
  readOne<Cursor, Row>(way: Way<Cursor, Row>): Promise<void>
}

const hourMs = 3_600_000

/**
 * How old what is known of the account's flag may be, in milliseconds. What changed is asked for every night, and an answer that the
 * filter did not make is noticed: a week, so that a night without changes takes three requests. All else relies on an hour.
 */
export const flagMaxAgeMs = ({
  full,
  companyIds,
}: {
  full: boolean
  companyIds?: unknown
}): number => (full || companyIds ? hourMs : 7 * 24 * hourMs)

/** So many streams by themselves are read side by side at most. */
const mostSideBySide = 8

export function openTwoWays(run: Run<object>, crm: Amocrm, maxAgeMs: number): TwoWays {
  const { db, call, log } = run
  const underWay = openUnderWay(() => crm.pace())
  let filters: boolean | undefined

  async function filtersWork(): Promise<boolean> {
    filters ??= await knownFilters(db, crm, maxAgeMs)
    if (filters === undefined) {
      const seeds = [{ subject: `attempt ${call.attempt}`, cursor: {} }]
      await run.streams(askForFilters(crm), seeds, { parallel: 1 })
      filters = (await knownFilters(db, crm)) ?? false
      if (!filters) log.warn('filtering is off in this account: lists are read in order instead')
    }
    return filters
  }

  async function readOne<Cursor, Row>(way: Way<Cursor, Row>): Promise<void> {
    const { operation, seeds } = way
    const { service, operation: name } = operation
    // A look of its own, since reading nothing would ask the ledger once for each stream that might be.
    const some =
      seeds.length > 0 ||
      (await listOpenStreams(db, call.id, { service, operation: name }, { limit: 1 })).length > 0
    const parallel = way.parallel ?? Math.max(1, Math.min(mostSideBySide, seeds.length))
    if (some) await run.streams(operation, seeds, { parallel, underWay })
  }

  return {
    filtersWork,
    readOne,
    async read(filtered, otherwise) {
      const { operation } = filtered
      if (await filtersWork()) {
        await readOne(filtered)
        filters = !(await hasSkipped(db, call.id, operation.service, operation.operation))
      } else await run.streams(passOver(operation), [], { parallel: 1 })
      // Also what an earlier attempt left open, when filters were off.
      await readOne(filters ? { ...otherwise, seeds: [] } : otherwise)
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
