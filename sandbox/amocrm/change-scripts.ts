import { type Random, seededRandom } from '../random.ts'
import { type Applied, applyChange } from './apply-change.ts'
import type { Change, ChangeScript } from './change-schema.ts'
import type { World } from './world.ts'

export type ChangeScripts = {
  /** Makes the changes of a script that has no `everyRequests`; keeps the others for later. */
  add(script: ChangeScript, world: World, clock: number): Applied[]
  /** Called after each request that got its data. `address` is path?query, decoded. */
  afterRequest(address: string, world: World, clock: number): void
  progress(): ScriptProgress[]
  /** Changes not made yet are never made. */
  clear(): void
}

export type ScriptProgress = { requests: number; made: number; total: number }

type Running = ScriptProgress & { script: ChangeScript; queue: Change[]; random: Random }

/** The same scripts, requests and seed make the same changes. */
export function createChangeScripts(): ChangeScripts {
  let running: Running[] = []
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

function start(script: ChangeScript): Running {
  const queue = script.changes.flatMap((change) =>
    Array.from({ length: change.count }, () => change),
  )
  const total = script.total ?? queue.length
  return { script, queue, random: seededRandom(script.seed), requests: 0, made: 0, total }
}

function step(running: Running, count: number, world: World, clock: number): Applied[] {
  const applied: Applied[] = []
  for (let left = count; left > 0 && running.made < running.total; left--) {
    const change = running.queue[running.made++ % running.queue.length]
    if (change !== undefined) applied.push(applyChange(world, change, running.random, clock))
  }
  return applied
}
