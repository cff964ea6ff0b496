import type { Db } from '../db/connect.ts'
import { claimPost, noteNotSent, noteSent, type PostFailure } from '../db/incident-posts.ts'
import type { Logger } from '../log.ts'
import type { Settings } from '../settings.ts'
import { type AlertMessage, alertMessage } from './alert-message.ts'

/** With growing waits, for about two hours. */
const mostTries = 20
const firstWaitMs = 5000
const longestWaitMs = 600_000

/**
 * Posts what is to be told of incidents, one after the other, each from one process. Where the webhook does not take one, the
 * others wait as well. Who dies between a post and the note of it has it posted twice.
 * @param answerWithinMs how long an answer may take. Default: 15 s.
 */
export async function postAlerts(
  { db, log, settings }: { db: Db; log: Logger; settings: Settings },
  signal: AbortSignal,
  { answerWithinMs = 15_000 } = {},
): Promise<void> {
  const url = settings.ALERT_WEBHOOK_URL
  if (url === undefined) return
  while (!signal.aborted) {
    const post = await claimPost(db)
    if (!post) return
    const failure = await send(url, alertMessage(post, settings.hide), post.tries, {
      signal,
      answerWithinMs,
    })
    if (!failure) {
      await noteSent(db, post)
      continue
    }
    const error = settings.hide(failure.error)
    await noteNotSent(db, post, { ...failure, error })
    const { job, kind, says } = post
    log.warn({ job, kind, says, reason: error }, 'an alert could not be posted')
    return
  }
}

/** Undefined: it was taken. */
async function send(
  url: string,
  message: AlertMessage,
  tries: number,
  { signal, answerWithinMs }: { signal: AbortSignal; answerWithinMs: number },
): Promise<PostFailure | undefined> {
  const waitMs =
    tries < mostTries ? Math.min(firstWaitMs * 2 ** (tries - 1), longestWaitMs) : undefined
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(message),
      // Elsewhere may be anybody.
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerWithinMs)]),
    })
    await answer.body?.cancel()
    const { ok, status } = answer
    if (ok) return undefined
    const error = `the webhook answered ${status}`
    // What it does not take now, it will not take later: a wrong address, one that was revoked.
    const isFinal = status < 500 && status !== 429 && status !== 408
    const asked = Number(answer.headers.get('retry-after')) * 1000
    const wait = waitMs && asked > 0 ? Math.min(Math.max(waitMs, asked), 3_600_000) : waitMs
    return { error, waitMs: isFinal ? undefined : wait, tries }
  } catch (error) {
    if (signal.aborted)
      return { error: 'its process was asked to stop', waitMs: 0, tries: tries - 1 }
    const isSlow = error instanceof DOMException && error.name === 'TimeoutError'
    if (!isSlow) return { error: reasonOf(error), waitMs, tries }
    // It may have been taken all the same: it is not posted twenty times.
    const counted = Math.max(tries, mostTries - 2)
    return {
      error: `the webhook did not answer within ${answerWithinMs / 1000} s`,
      waitMs,
      tries: counted,
    }
  }
}

/** `fetch` says why only in the cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error
  return cause instanceof AggregateError ? cause.errors.map(String).join('; ') : String(cause)
}
