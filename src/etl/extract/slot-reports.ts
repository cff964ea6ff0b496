import type { QueryExecutorProvider } from 'kysely'
import type { Logger } from '../../log.ts'
import { reportSlots, type SlotReport } from './quota-sql.ts'

// Reports travel with the next taking where there is one soon; a lane rests a second anyway.
const reportWithinMs = 50

export interface SlotReports {
  /** Further reports of a slot add to the first. */
  add(report: SlotReport): void
  /** Those that are to travel with a taking. */
  take(): SlotReport[]
  flush(): Promise<void>
}

/** What became of an account's slots, on its way to the database. */
export function createSlotReports(
  { db, log }: { db: QueryExecutorProvider; log: Logger },
  account: string,
): SlotReports {
  const unreported: SlotReport[] = []
  let timer: NodeJS.Timeout | undefined

  async function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    const reports = unreported.splice(0)
    if (reports.length === 0) return
    try {
      await reportSlots(db, account, reports)
    } catch (error) {
      // Their lanes come free by themselves, somewhat later.
      log.debug({ reason: String(error), slots: reports.length }, 'slots could not be reported')
    }
  }

  return {
    add(report) {
      const before = unreported.find(({ slot }) => slot === report.slot)
      if (before) before.lateMs = (before.lateMs ?? 0) + (report.lateMs ?? 0)
      else unreported.push(report)
      timer ??= setTimeout(() => void flush(), reportWithinMs)
    },
    take: () => unreported.splice(0),
    flush,
  }
}
