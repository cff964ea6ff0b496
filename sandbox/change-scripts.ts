import { type Random, seededRandom } from './random.ts'

/** When the changes of a script are made; change-script-schema.ts tells the defaults. */
export type ChangeScript<Change> = {
  changes: Change[]
  everyRequests?: number | undefined
  perStep: number
  total?: number | undefined
  match: string
  seed: number
}

export type ChangeScripts<Change, Applied, World> = {
  /** Makes the changes of a script that has no `everyRequests`; keeps the others for later. */
  add(script: ChangeScript<Change>, world: World, clock: number): Applied[]
  /** Called after each request that got its data. `address` is path?query, decoded. */
  afterRequest(address: string, world: World, clock: number): void
  progress(): ScriptProgress[]
  /** Changes not made yet are never made. */
  clear(): void
}

export type ScriptProgress = { requests: number; made: number; total: number }

type Running<Change> = ScriptProgress & {
  script: ChangeScript<Change>
  queue: Change[]
  random: Random
}

/** The same scripts, requests and seed make the same changes. */
export function createChangeScripts<Change extends { count: number }, Applied, World>(
  apply: (world: World, change: Change, random: Random, clock: number) => Applied,
): ChangeScripts<Change, Applied, World> {
  let running: Running<Change>[] = []

  const step = (one: Running<Change>, count: number, world: World, clock: number): Applied[] => {
    const applied: Applied[] = []
    for (let left = count; left > 0 && one.made < one.total; left--) {
      const change = one.queue[one.made++ % one.queue.length]
      if (change !== undefined) applied.push(apply(world, change, one.random, clock))
    }
    return applied
  }
  return {
    add(script, world, clock) {
      const started = start(script)
      if (script.everyRequests === undefined) return step(started, started.total, world, clock)
      running.push(started)
      return []
    },
    afterRequest(address, world, clock) {
      for (const one of running) {
        if (!address.includes(one.script.match)) continue
        one.requests++
        const due = one.requests % (one.script.everyRequests ?? 1) === 0
        if (due) step(one, one.script.perStep, world, clock)
      }
    },
    progress: () => running.map(({ requests, made, total }) => ({ requests, made, total })),
    clear() {
      running = []
    },
  }
}

function start<Change extends { count: number }>(script: ChangeScript<Change>): Running<Change> {
  const queue = script.changes.flatMap((change) =>
    Array.from({ length: change.count }, () => change),
  )
  const total = script.total ?? queue.length
  return { script, queue, random: seededRandom(script.seed), requests: 0, made: 0, total }
}
