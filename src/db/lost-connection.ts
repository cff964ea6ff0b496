import { Fault } from '../errors.ts'

/** SQLSTATEs after which the same work, done again, may succeed (PostgreSQL manual, appendix A). */
const passing = new Set([
  '40001', // serialization_failure
  '40P01', // deadlock_detected
  '53100', // disk_full
  '53200', // out_of_memory
  '53300', // too_many_connections
  '53400', // configuration_limit_exceeded, such as temp_file_limit
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '25P03', // idle_in_transaction_session_timeout
])
const socketCodes = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
])

/** Whether the database (down, full, or too busy), rather than what was asked of it, is the reason. Says nothing about whether a COMMIT got through. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error instanceof AggregateError) return error.errors.some(isDatabaseAway)
  const code = 'code' in error ? String(error.code) : ''
  if (passing.has(code) || code.startsWith('08') || socketCodes.has(code)) return true
  return /connection terminated|connection ended|client has encountered a connection error|timeout exceeded when trying to connect|not queryable/i.test(
    error.message,
  )
}

/** Whether the data, not the connection, was refused: a value out of range, a broken constraint, a key too long to index. */
export function isDataRefused(error: unknown): error is Error {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return ['22', '23', '54'].some((refusal) => code.startsWith(refusal))
}

export function databaseFault(error: unknown): Fault {
  const message = error instanceof Error ? error.message : String(error)
  return new Fault('database', `the database did not answer: ${message}`, {
    cause: error,
    hint: 'is Postgres running, and does DATABASE_URL name it?',
  })
}
