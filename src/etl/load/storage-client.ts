import http from 'node:http'
import https, { type RequestOptions } from 'node:https'
import { Client } from 'minio'
import type { Settings } from '../../settings.ts'
import type { Meter } from '../extract/http-client.ts'

type OnAnswer = (answer: http.IncomingMessage) => void

export interface StorageRequest {
  signal: AbortSignal
  meter?: Meter | undefined
}

export interface Storage {
  /** Its requests end with the signal and are counted; they share connections with all others. */
  client(request: StorageRequest): Client
  /** Signs addresses as the outside world sees the storage; it asks nobody. */
  publicClient: Client
  close(): void
}

/** @returns undefined where the settings name no storage */
export function openStorage(settings: Settings): Storage | undefined {
  const { MINIO_ENDPOINT, MINIO_ACCESS_KEY, MINIO_SECRET_KEY, MINIO_REGION } = settings
  if (!MINIO_ENDPOINT || !MINIO_ACCESS_KEY || !MINIO_SECRET_KEY) return undefined
  const isSecure = MINIO_ENDPOINT.startsWith('https:')
  const agent = new (isSecure ? https : http).Agent({ keepAlive: true, maxSockets: 64 })
  const options = (url: string) => ({
    endPoint: new URL(url).hostname.replace(/^\[|\]$/g, ''),
    port: Number(new URL(url).port) || (url.startsWith('https:') ? 443 : 80),
    useSSL: url.startsWith('https:'),
    accessKey: MINIO_ACCESS_KEY,
    secretKey: MINIO_SECRET_KEY,
    // Known beforehand, so that no request is spent on asking for it.
    region: MINIO_REGION,
    pathStyle: true,
  })
  return {
    client: ({ signal, meter }) =>
      new Client({
        ...options(MINIO_ENDPOINT),
        transportAgent: agent,
        // It would warn on the console; who calls us repeats.
        retryOptions: { disableRetry: true },
        transport: {
          request(
            given: RequestOptions | string | URL,
            ...more: (RequestOptions | OnAnswer | undefined)[]
          ) {
            if (typeof given === 'string' || given instanceof URL) throw new TypeError('no options')
            if (meter) meter.requests++
            const onAnswer = more.find((one) => typeof one === 'function')
            return (isSecure ? https : http).request({ ...given, signal }, onAnswer)
          },
        },
      }),
    publicClient: new Client(options(settings.MINIO_PUBLIC_ENDPOINT ?? MINIO_ENDPOINT)),
    close: () => agent.destroy(),
  }
}
