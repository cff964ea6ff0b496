import type { RawBuilder } from 'kysely'

/** What ought to hold in the tables after each call of a job, as a question to SQL. It stands beside the job. */
export interface Check {
  /** Of its own within the job: `contacts-with-a-channel`. */
  name: string
  /** What ought to hold, for people: `contacts without phone and e-mail are at most 15 %`. */
  title: string
  /** Reads, and answers one row; it can't write, and may take `longestCheckMs`. */
  sql(call: CheckedCall): RawBuilder<CheckAnswer>
}

/** The call after which a check runs. */
export interface CheckedCall {
  id: string
  job: string
}

export interface CheckAnswer {
  /** Null: there is too little to tell by, such as three days of history. */
  holds: boolean | null
  /** What was found, in words and numbers. Without secrets and names of people: it is posted. */
  found: string
}
