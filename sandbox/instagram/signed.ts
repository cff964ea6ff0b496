import { performance } from 'node:perf_hooks'
import { scrambled } from '../random.ts'

/** Makes the address of a file; its path stays, what signs it is another in every answer. */
export type Sign = (path: string) => string

let answers = Math.floor(performance.timeOrigin % 1_000_000_000)

/** One for each answer. */
export function createSign(): Sign {
  answers++
  const nonce = scrambled(answers).toString(16).padStart(8, '0')
  const expires = (0x68_00_00_00 + (answers % 0xff_ff_ff)).toString(16)
  return (path) =>
    `https://scontent.cdn.test/v/${path}?_nc_gid=${nonce}&oh=00_Af${nonce}${nonce}&oe=${expires}&_nc_sid=8b3546`
}
