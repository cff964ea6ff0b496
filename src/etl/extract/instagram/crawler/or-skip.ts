import { Skipped } from '../../../../errors.ts'
import { CrawlerFault } from './verdict.ts'

export const isPrivate = 'the profile is private'
export const commentsAreOff = 'comments are off'

/** What the crawler API calls the refusals that say by themselves what there is not (upstreams/instagram.md, B3). */
const reasonByName: Record<string, string> = {
  PrivateAccount: isPrivate,
  CommentsDisabled: commentsAreOff,
}

/**
 * What was asked for, or the stream ends as skipped where a refusal says that there is nothing to read: `reasons` tells
 * what a 403 and a 404 mean here.
 */
export async function orSkip<T>(
  asked: Promise<T>,
  reasons: { forbidden: string; not_found?: string },
): Promise<T> {
  try {
    return await asked
  } catch (error) {
    if (!(error instanceof CrawlerFault)) throw error
    const byKind =
      error.kind === 'forbidden' || error.kind === 'not_found' ? reasons[error.kind] : ''
    const reason = reasonByName[error.exc] ?? byKind
    throw reason ? new Skipped(reason, { untilItChanges: reason !== isPrivate }) : error
  }
}
