import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import {
  encode,
  type JoinRequest,
  type KeeperAddress,
  keeperAnswer,
  type ServiceName,
} from './keeper-protocol.ts'
import { readLines } from './read-lines.ts'
import { startFailure } from './start-failure.ts'

const helloTimeoutMs = 5000

type Urls = Partial<Record<ServiceName, string>>

/** A seat at the keeper's: as long as it is open, the services stay up. */
export interface KeeperConnection {
  keeperPid: number
  urls: Urls
  close(): Promise<void>
}

/**
 * Joins the keeper at the address and waits until the services that are asked for are up.
 *
 * @returns undefined where it is gone or going: look again
 * @throws Fault with the reason where a service does not come up; the signal's reason if that fires
 */
export async function connectToKeeper(
  address: KeeperAddress,
  request: Omit<JoinRequest, 'token'>,
  signal: AbortSignal | undefined,
): Promise<KeeperConnection | undefined> {
  const socket = connect(address.port, '127.0.0.1')
  const abort = () => socket.destroy()
  signal?.addEventListener('abort', abort)
  socket.on('error', () => {}) // 'close' follows; and later it must not end the process
  try {
    const urls = await ask(socket, { ...request, token: address.token })
    signal?.throwIfAborted()
    return urls && seat(socket, address.pid, urls)
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}

// It reads on after the answer: only so is the end of the connection noticed.
function ask(socket: Socket, request: JoinRequest): Promise<Urls | undefined> {
  // Until its hello: a keeper that hangs, or another program that got the port of a killed one.
  socket.setTimeout(helloTimeoutMs, () => socket.destroy())
  socket.write(encode(request))
  return new Promise((resolve, reject) => {
    socket.once('close', () => resolve(undefined))
    readLines(socket, (line) => {
      const answer = parseAnswer(line)
      if (!answer) socket.destroy()
      else if (answer.kind === 'hello') socket.setTimeout(0)
      else if (answer.kind === 'ready') resolve(answer.urls)
      else reject(startFailure(answer.service, answer.message, answer.hint))
    })
  })
}

// undefined: not a keeper's line.
function parseAnswer(line: string) {
  try {
    return keeperAnswer.parse(JSON.parse(line))
  } catch {
    return undefined
  }
}

function seat(socket: Socket, keeperPid: number, urls: Urls): KeeperConnection {
  socket.unref()
  return {
    keeperPid,
    urls,
    close: async () => {
      if (socket.closed) return
      socket.ref()
      const closed = once(socket, 'close')
      socket.destroy()
      await closed
    },
  }
}
