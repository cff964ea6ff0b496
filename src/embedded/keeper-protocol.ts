import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const serviceName = z.enum(['postgres', 'sandbox', 's3'])

/** What can be asked for. */
export type ServiceName = z.infer<typeof serviceName>

const keeperAddress = z.object({ pid: z.number(), port: z.number(), token: z.string() })

/** Where the keeper of a folder listens, on 127.0.0.1. The token proves that one may read the folder. */
export type KeeperAddress = z.infer<typeof keeperAddress>

export const joinRequest = z.object({
  token: z.string(),
  services: z.array(serviceName),
  /** Used where the sandbox is not running yet. */
  sandboxProgram: z.string(),
})

/** The one line that a command sends; it then uses the services until its connection ends. */
export type JoinRequest = z.infer<typeof joinRequest>

export const keeperAnswer = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('hello') }),
  z.object({ kind: z.literal('ready'), urls: z.partialRecord(serviceName, z.string()) }),
  z.object({
    kind: z.literal('failed'),
    service: z.string(),
    message: z.string(),
    hint: z.string().optional(),
  }),
])

/** The lines that the keeper sends: `hello` at once, then one of the others. */
export type KeeperAnswer = z.infer<typeof keeperAnswer>

/** The exit code of a keeper that found another one in charge of the folder. */
export const otherKeeper = 75

/** @returns undefined where no keeper has said where it listens */
export function readAddress(localDir: string): KeeperAddress | undefined {
  try {
    return keeperAddress.parse(JSON.parse(readFileSync(addressFile(localDir), 'utf8')))
  } catch {
    return undefined
  }
}

/** Says where we listen: the whole file at once, readable only by our own user. */
export function writeAddress(localDir: string, address: KeeperAddress): void {
  const unfinished = `${addressFile(localDir)}.unfinished`
  writeFileSync(unfinished, JSON.stringify(address), { mode: 0o600 })
  renameSync(unfinished, addressFile(localDir))
}

export function removeAddress(localDir: string): void {
  rmSync(addressFile(localDir), { force: true })
}

export function encode(message: JoinRequest | KeeperAnswer): string {
  return `${JSON.stringify(message)}\n`
}

function addressFile(localDir: string): string {
  return join(localDir, 'keeper.json')
}
