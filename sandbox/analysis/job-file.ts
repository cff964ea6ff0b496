import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Job } from './job.ts'

/** A job as it was accepted, with the hash of the body that its key is good for. */
export type KeptJob = { job: Omit<Job, 'completedMs' | 'fetched'>; body: string }
/** And that one was canceled. */
export type Kept = KeptJob | { canceled: string; atMs: number }

/** Where accepted jobs are written down, a JSON a line, so that a service started anew knows them. */
export type JobFile = {
  /** What was kept before this start; `[]` where there was nothing. */
  read(): Kept[]
  add(kept: Kept): void
  /** In place of what is there: a file that only grows would be read for ever. */
  replace(all: readonly Kept[]): void
}

/** With no path nothing is kept. */
export function openJobFile(path: string | null): JobFile {
  if (path === null) return { read: () => [], add: () => undefined, replace: () => undefined }
  mkdirSync(dirname(path), { recursive: true })
  return {
    read: () => linesOf(path).flatMap(keptOf),
    add: (kept) => appendFileSync(path, `${JSON.stringify(kept)}\n`),
    replace: (all) => writeFileSync(path, all.map((kept) => `${JSON.stringify(kept)}\n`).join('')),
  }
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n')
  } catch {
    // The first start.
    return []
  }
}

/** Nothing for the half of a line, which a killed process leaves: its answer was never sent. */
function keptOf(line: string): Kept[] {
  try {
    return [JSON.parse(line)]
  } catch {
    return []
  }
}
