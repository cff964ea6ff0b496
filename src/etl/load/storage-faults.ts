import { Fault } from '../../errors.ts'

const badKeys = ['InvalidAccessKeyId', 'SignatureDoesNotMatch', 'InvalidTokenId']

/** The storage's or the socket's own word for what was wrong; '' where there is none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

/** The server had closed a connection that was kept open, just when it was used again. */
export function isStaleConnection(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE'].includes(codeOf(error))
}

/** The object, or its bucket, is not there. */
export function isMissing(error: unknown): boolean {
  return ['NotFound', 'NoSuchKey', 'NoSuchBucket'].includes(codeOf(error))
}

/** The client's words for what it calls worth another try: 408, 429 and 5xx. */
const triedInVain = /^Request failed after \d+ retries: Error: Retryable HTTP status: (\d+)/

/** What went wrong with the storage, in the ledger's words; what is none of its doing (a stream that breaks) as it is. */
export function asStorageFault(error: unknown): unknown {
  if (error instanceof Fault) return error
  const code = codeOf(error)
  const said = error instanceof Error ? error.message : String(error)
  const options = { service: 'minio', cause: error }
  if (badKeys.includes(code)) {
    return new Fault('unauthorized', `the storage refuses our keys: ${code}`, {
      ...options,
      hint: 'check MINIO_ACCESS_KEY and MINIO_SECRET_KEY',
    })
  }
  if (code === 'AccessDenied') {
    return new Fault('forbidden', `the storage refuses this: ${said}`, {
      ...options,
      hint: 'may these keys write to MINIO_BUCKET?',
    })
  }
  if (/^E[A-Z]+$/.test(code)) {
    return new Fault('network', `the storage is not reachable: ${code}`, {
      ...options,
      hint: 'is it running and reachable at MINIO_ENDPOINT?',
    })
  }
  if (code !== '') return new Fault('upstream', `the storage: ${code}: ${said}`, options)
  const status = triedInVain.exec(said)?.[1]
  if (status === undefined) return error
  return new Fault('upstream', `the storage answered ${status}`, options)
}
