import type { RequestContext } from '../http-client.ts'

export type AnalysisServiceName = 'vision' | 'text-ml'
export type Kind = 'image' | 'video' | 'text'

/** One content to analyse. */
export interface Item {
  /** The task's content key. */
  id: string
  content: { text: string } | { url: string }
}

/** What a service can do, as it says itself. */
export interface Abilities {
  /** The features of each kind that it takes. */
  kinds: Partial<Record<Kind, readonly string[]>>
  /** Items that one job takes at most. */
  maxItems: number
  /** It could not be asked: what it takes beside these is not known. Default: false. */
  unsure?: boolean
}

/** What a service says of a job that was handed to it. */
export interface JobTold {
  id: string
  /** Its own word. */
  status: string
  /** It will say nothing else any more. A word that is not known counts as running. */
  over: boolean
  items: readonly ItemTold[]
  /** Of the job as a whole. */
  error?: ItemError | undefined
  /** Why what it said could not be read. */
  unreadable?: string | undefined
}

export interface ItemTold {
  /** Undefined where a job has one item and its service no name for it. */
  id: string | undefined
  status: 'pending' | 'succeeded' | 'failed'
  model?: string | undefined
  result?: unknown
  error?: ItemError | undefined
}

export interface ItemError {
  /** The service's word, such as `fetch_failed`. */
  code: string
  message: string
  /** Whether asking again may end better. */
  retriable: boolean
}

export interface PollAnswer {
  jobs: readonly JobTold[]
  /** Jobs that are not there: never known, or kept too long ago. */
  missing: readonly { id: string; code: 'not_found' | 'expired' }[]
  retryAfterMs: number | undefined
}

/**
 * A service that takes contents and answers later: the seam behind which each API has its adapter. Whatever it is asked goes
 * through the shared quota and breaker of its account.
 */
export interface AnalysisService {
  service: AnalysisServiceName
  /** A request that comes twice with the same key makes one job. */
  honoursKey: boolean
  /** How many jobs are sent at a time; what is in flight when a process dies is sent again. */
  jobsAtOnce: number
  /** Bytes of a request's body, at most. */
  maxBodyBytes: number
  abilities(context: RequestContext): Promise<Abilities>
  /** The body of a request for a job. Pure. */
  body(kind: Kind, features: readonly string[], items: readonly Item[]): object
  /** Hands a job over. @throws HttpFault: 413 where it is too large, 400 or 422 where something in it is refused. */
  submit(
    body: unknown,
    key: string,
    context: RequestContext,
  ): Promise<{ id: string; retryAfterMs: number | undefined }>
  /**
   * Looks for jobs that were made of this body since then, newest first, where no key tells. Default: there is no way to find one.
   */
  find?(body: unknown, since: Date, context: RequestContext): Promise<string[]>
  /** Asks for up to 100 jobs. */
  poll(ids: readonly string[], context: RequestContext): Promise<PollAnswer>
}
