/** What streams there are to read: the ledger is the list, and only some of it is in memory. */
export interface StreamList<Stream> {
  /** The next stream to read; waits where others may still bring some. Undefined: all are read, or it was closed. */
  take(): Promise<Stream | undefined>
  /** A stream that was taken can be read on. */
  putBack(stream: Stream): void
  /** A stream that was taken is out of our hands. */
  drop(stream: Stream): void
  /** The ledger has streams that it did not have before. */
  more(): void
  /** Nothing is given out any more. */
  close(): void
}

/** Looks into the ledger: open streams after that id, none of those. */
export type Look<Stream> = (after: string | undefined, except: string[]) => Promise<Stream[]>

/** @param enough looks for more where fewer than so many are ready, so that nobody has to wait for the ledger */
export function openStreamList<Stream extends { stream: { id: string } }>(
  look: Look<Stream>,
  enough: number,
): StreamList<Stream> {
  const ready: Stream[] = []
  const held = new Set<string>()
  let after: string | undefined
  let mayHaveMore = true
  let looking: Promise<void> | undefined
  let closed = false
  let changed = Promise.withResolvers<void>()
  const tell = () => {
    changed.resolve()
    changed = Promise.withResolvers()
  }

  /** Ids run with time, so that those further on are looked for first; a look from the beginning finds what came back. */
  async function lookForMore(): Promise<void> {
    while (mayHaveMore && ready.length < enough) {
      mayHaveMore = false
      const from = after
      const found = await look(from, [...held]).catch((error: unknown) => {
        // Whoever comes next looks again: what was not found is there all the same.
        mayHaveMore = true
        throw error
      })
      for (const stream of found) held.add(stream.stream.id)
      ready.push(...found)
      after = found.at(-1)?.stream.id
      if (found.length > 0 || from !== undefined) mayHaveMore = true
      if (found.length > 0) tell()
    }
  }

  return {
    async take() {
      for (;;) {
        if (closed) return undefined
        const news = changed.promise
        if (ready.length < enough && mayHaveMore) {
          looking ??= lookForMore().finally(() => {
            looking = undefined
          })
          // Its failure is met by whoever has nothing to read.
          looking.catch(() => {})
        }
        if (ready.length === 0) await looking
        const stream = closed ? undefined : ready.shift()
        if (stream) return stream
        if (closed || news !== changed.promise) continue
        if (held.size === 0 && !mayHaveMore) return undefined
        await news
      }
    },
    putBack(stream) {
      ready.unshift(stream)
      tell()
    },
    drop({ stream }) {
      held.delete(stream.id)
      tell()
    },
    more() {
      mayHaveMore = true
      tell()
    },
    close() {
      closed = true
      tell()
    },
  }
}
