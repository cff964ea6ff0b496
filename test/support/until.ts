import { setTimeout } from 'node:timers/promises'

/** Waits until a condition holds, and answers what it found. @throws after `boundMs`, naming what was waited for. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  boundMs = 30_000,
): Promise<T> {
  const begun = performance.now()
  for (;;) {
    const found = await look()
    if (found) return found
    if (performance.now() - begun > boundMs)
      throw new Error(`waited ${boundMs} ms in vain: ${what}`)
    await setTimeout(25)
  }
}
