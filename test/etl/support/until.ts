import { setTimeout as sleep } from 'node:timers/promises'

/** Waits until it is so. @throws when it is not within `withinMs` (default: 5,000). */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  what: string,
  withinMs = 5000,
): Promise<void> {
  const since = performance.now()
  while (!(await isSo())) {
    if (performance.now() - since > withinMs) throw new Error(`not within ${withinMs} ms: ${what}`)
    await sleep(5)
  }
}
