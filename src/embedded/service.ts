/** A service that is up. */
export interface RunningService {
  /** Where to reach it; may hold a password, so it is never logged. */
  url: string
  /** Settles when it has ended, for whatever reason; never rejects. */
  exited: Promise<unknown>
  stop(): Promise<void>
}

/** One entry of the embedded default: what it is called and how it comes up. */
export interface Service {
  name: string
  /** Called again after an unexpected end: it should then come up at the same address. */
  start(): Promise<RunningService>
}
