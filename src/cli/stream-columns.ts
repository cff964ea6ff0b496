import type { Selectable } from 'kysely'
import type { LedgerServiceCalls } from '../db/schema.generated.ts'
import { oneLine, span } from './format.ts'
import type { Cell } from './plain-table.ts'

type Stream = Selectable<LedgerServiceCalls>

/** Counters with their headings. */
const counters = {
  pages: 'pages',
  requests: 'requests',
  retries: 'retries',
  rows_read: 'read',
  rows_inserted: 'inserted',
  rows_updated: 'updated',
  rows_unchanged: 'unchanged',
  rows_rejected: 'rejected',
} as const
const counterNames = Object.keys(counters) as (keyof typeof counters)[]

export const streamHead: readonly string[] = [
  'service',
  'operation',
  'subject',
  'status',
  ...Object.values(counters),
  'throttled',
]

/** A stream's cells below `streamHead`. */
export const streamCells = (stream: Stream): Cell[] => [
  stream.service,
  stream.operation,
  oneLine(stream.subject, 40),
  stream.status,
  ...counterCells(stream),
]

export type Counted = Record<keyof typeof counters | 'throttled_ms', number | null>

/** Counters, or sums of them, from the fifth column on. */
export const counterCells = (of: Counted): Cell[] => [
  ...counterNames.map((name) => of[name]),
  span(of.throttled_ms ?? 0),
]
