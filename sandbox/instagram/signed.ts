import { hash } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { scrambled } from '../random.ts'

/** Makes the address of a file; its path stays, what signs it is another in every answer. */
export type Sign = (path: string) => string

const HOST = 'scontent.cdn.test'
const SECRET = 'scontent'

/** Addresses of files: who signs them, and whoever fetches one sees whether it is good still. */
export type MediaAddresses = ReturnType<typeof createMediaAddresses>

export function createMediaAddresses() {
  let answers = Math.floor(performance.timeOrigin % 1_000_000_000)
  // Signing keys are changed to make all addresses bad at once.
  let signingKey = 1
  return {
    /** One for each answer; its addresses are good for so many seconds. */
    sign(goodForSeconds: number): Sign {
      answers++
      const nonce = hex(scrambled(answers))
      const key = hex(signingKey)
      const expires = hex(Math.floor(Date.now() / 1000) + goodForSeconds)
      return (path) =>
        `https://${HOST}/v/${path}?_nc_gid=${nonce}&oh=${signature(path, nonce, expires, key)}&oe=${expires}&_nc_sid=${key}`
    },
    /** Why a file can't be had at this moment (ms); undefined where it can, and for other hosts. */
    problem(url: string, atMs: number): string | undefined {
      const { host, pathname, searchParams: given } = new URL(url)
      if (host !== HOST) return undefined
      const [nonce = '', expires = '', key = ''] = ['_nc_gid', 'oe', '_nc_sid'].map(
        (name) => given.get(name) ?? '',
      )
      const path = pathname.replace(/^\/v\//, '')
      if (given.get('oh') !== signature(path, nonce, expires, key)) return '403 Bad URL hash'
      const isOver = Number.parseInt(expires, 16) * 1000 <= atMs
      const isOldKey = Number.parseInt(key, 16) < signingKey
      return isOver || isOldKey ? '403 URL signature expired' : undefined
    },
    expireAll() {
      signingKey++
    },
  }
}

function signature(...parts: string[]): string {
  return `00_Af${hash('sha256', [SECRET, ...parts].join(' ')).slice(0, 16)}`
}

const hex = (value: number): string => value.toString(16).padStart(8, '0')
