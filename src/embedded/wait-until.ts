import { setTimeout as delay } from 'node:timers/promises'

/**
 * Waits for a condition that announces itself to nobody (another process's file, pid or port).
 *
 * @param timeoutMs how long to wait at most
 * @param everyMs pause between two looks. Default: 20
 * @returns whether it came true in time
 */
export async function waitUntil(
  isTrue: () => boolean | Promise<boolean>,
  timeoutMs: number,
  everyMs = 20,
): Promise<boolean> {
  const giveUpAt = performance.now() + timeoutMs
  while (!(await isTrue())) {
    if (performance.now() > giveUpAt) return false
    await delay(everyMs)
  }
  return true
}
