/** The key pair that the embedded S3 server accepts: no secret, since it serves this machine alone. */
export const s3Keys = { accessKey: 'S3RVER', secretKey: 'S3RVER' } as const

/** A request as the embedded S3 server saw it. */
export interface S3LogLine {
  method: string
  bucket: string
  /** '' where the bucket itself was asked for. */
  key: string
  /** 0 where the client left before the answer. */
  status: number
  /** ISO. */
  began: string
  ended: string
}
