import type { z } from 'zod'
import type { Adoption } from '../db/adopt.ts'
import type { Db } from '../db/connect.ts'
import type { JobCall } from '../db/job-calls.ts'
import type { HttpClient, RequestContext } from '../etl/extract/http-client.ts'
import type { Files } from '../etl/load/files.ts'
import type { ServiceCallName } from '../etl/run-service-call.ts'
import type { RunStreamsOptions, Seeds } from '../etl/run-streams.ts'
import type { Operation } from '../etl/stream.ts'
import type { Logger } from '../log.ts'
import type { Settings } from '../settings.ts'
import type { Check } from './check.ts'

/** What a job works with, wherever it runs: in a worker, in `npm run job`, in a test. */
export interface JobTools {
  db: Db
  http: HttpClient
  /** Undefined where no storage is set. */
  files?: Files | undefined
  log: Logger
  settings: Settings
}

/** One attempt of a job call, as its job sees it. */
export interface Run<Params> extends JobTools {
  call: JobCall
  params: Params
  /** Since when this reading goes on, over attempts and adopted cursors: what a watermark may move to. */
  readingSince: Date
  /** Aborts when the attempt must stop at once. */
  signal: AbortSignal
  /** Reads streams of one operation to their ends; see `runStreams`. */
  streams<Cursor, Row>(
    operation: Operation<Cursor, Row>,
    seeds: Seeds,
    options?: RunStreamsOptions,
  ): Promise<void>
  /** Says in the ledger of streams that they are not read, and why. */
  skip(
    operation: Pick<Operation<never, never>, 'service' | 'operation'>,
    subjects: readonly string[],
    reason: string,
  ): Promise<void>
  /** Work that brings no records, as a service call of its own; see `runServiceCall`. */
  serviceCall(
    name: ServiceCallName,
    work: (context: RequestContext) => Promise<void>,
  ): Promise<void>
  /** Adds calls under this one, those that it does not have yet; it ends when the last of them does. */
  children(calls: readonly Child[]): Promise<void>
}

export interface Child {
  job: string
  subject: string
  params: object
}

/** What a run would ask for, as far as known beforehand. */
export interface Plan {
  requests: { operation: string; count: number | 'unknown'; why: string }[]
  credits: number | 'unknown'
}

/** A defined kind of work. Its `run` reads like its DAG and may be run again: what is done already is passed over. */
export interface Job<Params extends object = object> {
  name: string
  /** A line for people. */
  title: string
  /** Runs under another job only: not listed. Default: false. */
  child?: boolean
  /** Checked before anything is written; defaults filled in. */
  params: z.ZodType<Params>
  /** Default cron expression; none: runs only when asked. */
  schedule?: string
  /** Attempts before a call ends failed. Default: 5. */
  maxAttempts?: number
  /** How old the cursor of an earlier call may be to go on from it, in ms. Default: 3 days; 0: never. */
  cursorMaxAgeMs?: number
  /**
   * Whether what an earlier call read to the end need not be read again where its cursors are gone on from. Default: true; false
   * where each stream can be read by itself, so that one that fails each time keeps no other from being read anew.
   */
  keepsFinished?: boolean
  /** Calls with the same subject never run at the same time. Default: '' for all. */
  subject?(params: Params): string
  /** Settings without which it cannot run; those that are missing are named to the user. */
  needs: readonly (keyof Settings)[]
  /** Of these it needs one. */
  needsOneOf?: readonly (keyof Settings)[]
  /** Settings that it makes use of where they are set. Default: none. */
  uses?: readonly (keyof Settings)[]
  /** Run after each call of the whole (subject ''), by whatever process sees first that it has ended. Default: none. */
  checks?: readonly Check[]
  /** How long after its tick a call may take to succeed before the job is late, in ms. Default: 1 hour; Infinity: never. */
  lateAfterMs?: number
  /** Whether there is anything to do. Where there is not, its ticks make no job call and leave no row. Default: always. */
  isDue?(tools: Pick<JobTools, 'db' | 'settings'>): Promise<boolean>
  plan(tools: JobTools, params: Params): Promise<Plan>
  /** Answers what goes into `job_calls.result`. */
  run(run: Run<Params>): Promise<object>
}

/** Keeps a job's parameter type to itself: the catalog holds jobs of many. */
export function defineJob<Params extends object>(job: Job<Params>): Job {
  return job
}

/** What a new call of the job takes over of an unfinished one. */
export const adoptionOf = ({ cursorMaxAgeMs, keepsFinished = true }: Job): Adoption => ({
  maxAgeMs: cursorMaxAgeMs ?? defaultCursorMaxAgeMs,
  finishedToo: keepsFinished,
})

export const defaultMaxAttempts = 5
const defaultCursorMaxAgeMs = 3 * 24 * 3_600_000
export const defaultLateAfterMs = 3_600_000
