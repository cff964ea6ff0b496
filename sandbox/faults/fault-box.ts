/** What every fault says of when it strikes: fault-schema.ts tells the defaults. */
export type Timed = { kind: string; match: string; skip: number; times: number | null }

export type FaultBox<Fault extends Timed> = {
  add(faults: readonly Fault[]): void
  clear(): void
  /** The faults that hit this request; each is used up by one. `address` is path?query, decoded. */
  take(address: string): Fault[]
  /** What is still to come. */
  pending(): Fault[]
}

/** Faults that leave no answer of the upstream for another fault to spoil. */
const usuallyReplacing: ReadonlySet<string> = new Set(['status', 'html', 'reset', 'hang', 'huge'])

export function createFaultBox<Fault extends Timed>(
  replacing: ReadonlySet<string> = usuallyReplacing,
): FaultBox<Fault> {
  let faults: Fault[] = []
  return {
    add(more) {
      // Copies, because skip and times are counted down.
      faults.push(...more.map((fault) => ({ ...fault })))
    },
    clear() {
      faults = []
    },
    take(address) {
      const taken: Fault[] = []
      let replaced = false
      for (const fault of faults) {
        if (!address.includes(fault.match)) continue
        // Two 503s and then a 429 come in that order: the second waits for the first.
        if (replacing.has(fault.kind) && replaced) continue
        if (fault.skip > 0) {
          fault.skip--
          continue
        }
        if (fault.times !== null) fault.times--
        replaced ||= replacing.has(fault.kind)
        taken.push(fault)
      }
      faults = faults.filter((fault) => fault.times !== 0)
      return taken
    },
    pending: () => faults,
  }
}
