import { Fault } from '../errors.ts'
import { createApp, type Door } from './app.ts'
import { refuseOpenDoor } from './guard.ts'

export interface Http {
  url: string
  /** Takes no new requests, and waits for those at hand. */
  close(): Promise<void>
}

/** How long the end waits for requests at hand, in ms; clients that are still there then are cut off. */
const drainMs = 15_000

/**
 * The HTTP door.
 * @throws Fault `settings` where it would stand open to strangers, and where it can't listen: the port is taken, the
 *   address is not ours
 */
export async function startHttp(door: Door): Promise<Http> {
  const { HTTP_HOST: host, HTTP_PORT: port } = door.settings
  refuseOpenDoor(door.settings)
  const app = await createApp(door)
  try {
    const url = await app.listen({ host, port })
    return {
      url,
      async close() {
        const cutOff = setTimeout(() => app.server.closeAllConnections(), drainMs)
        await app.close()
        clearTimeout(cutOff)
      },
    }
  } catch (error) {
    await app.close()
    const reason = error instanceof Error ? error.message : String(error)
    throw new Fault('settings', `no HTTP on ${host}:${port}: ${reason}`, {
      cause: error,
      hint: 'set HTTP_HOST and HTTP_PORT, or leave HTTP out with --only scheduler,worker',
    })
  }
}
