import { Skipped } from '../../../../errors.ts'
import { GraphFault } from './errors.ts'

/**
 * What was asked for, or the stream ends as skipped: a missing right stops this item and nothing else (upstreams/instagram.md,
 * A3); `gone` says what it means that there is no such thing.
 */
export async function orSkip<T>(asked: Promise<T>, gone?: string): Promise<T> {
  try {
    return await asked
  } catch (error) {
    if (!(error instanceof GraphFault)) throw error
    if (error.kind === 'forbidden') throw new Skipped(`not permitted: ${error.message}`)
    if (error.kind === 'not_found' && gone) throw new Skipped(gone, { untilItChanges: true })
    throw error
  }
}
