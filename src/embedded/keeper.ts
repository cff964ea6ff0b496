/**
 * The process that owns the embedded services of one folder. Every command that uses them holds a
 * connection to it, which the kernel closes when the command ends, however it ends. With none left
 * the keeper stops the services and exits. Started by `join.ts`: `node keeper.ts <folder>`.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { Fault } from '../errors.ts'
import { takeKeeperLock } from './keeper-lock.ts'
import {
  encode,
  type JoinRequest,
  joinRequest,
  otherKeeper,
  removeAddress,
  writeAddress,
} from './keeper-protocol.ts'
import { readLines } from './read-lines.ts'
import { runServices } from './running-services.ts'
import { boundLog, logLine } from './service-log.ts'
import { embeddedServices } from './services.ts'
import { messageOf } from './start-failure.ts'

// Long enough for the next command of a script to find everything up.
const lingerMs = 1000
// Whoever started us may be slow to connect on a busy machine.
const firstLingerMs = 5000
const boundLogsEveryMs = 10_000

const localDir = process.argv[2] ?? '.'
if (!takeKeeperLock(localDir)) process.exit(otherKeeper)

const log = (text: string) => logLine(join(localDir, 'keeper.log'), text)
const token = randomBytes(16).toString('hex')
const users = new Set<Socket>()
const running = runServices(log)
let services: ReturnType<typeof embeddedServices> | undefined
let isStopping = false

const server = createServer((socket) => {
  socket.on('error', () => {}) // a user that was killed: 'close' follows
  socket.setTimeout(5000, () => socket.destroy()) // a stranger that says nothing
  readLines(socket, (line) => {
    serve(socket, line).catch(() => socket.destroy())
  })
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const address = server.address()
if (address === null || typeof address === 'string') throw new TypeError('no port')
writeAddress(localDir, { pid: process.pid, port: address.port, token })
log(`keeper ${process.pid} is up`)

let linger = setTimeout(stop, firstLingerMs)
setInterval(() => {
  for (const name of ['keeper', 'postgres', 'sandbox', 's3'])
    boundLog(join(localDir, `${name}.log`))
}, boundLogsEveryMs)
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, stop)

async function serve(socket: Socket, line: string): Promise<void> {
  const request = joinRequest.parse(JSON.parse(line))
  if (request.token !== token || isStopping) throw new Error('not one of ours')
  socket.setTimeout(0)
  users.add(socket)
  clearTimeout(linger)
  socket.on('close', () => {
    users.delete(socket)
    if (users.size === 0) linger = setTimeout(stop, lingerMs)
  })
  socket.write(encode({ kind: 'hello' }))
  socket.write(await answer(request))
}

async function answer(request: JoinRequest): Promise<string> {
  services ??= embeddedServices(localDir, { sandbox: request.sandboxProgram })
  const all = services
  try {
    const urls = await Promise.all(
      request.services.map(async (name) => [name, await running.urlOf(all[name])]),
    )
    return encode({ kind: 'ready', urls: Object.fromEntries(urls) })
  } catch (error) {
    const { service = 'keeper', hint } = error instanceof Fault ? error : {}
    return encode({ kind: 'failed', service, message: messageOf(error), hint })
  }
}

// The address goes first: who comes from now on finds no keeper, and starts one that gets the lock
// when this process has ended.
function stop(): void {
  if (isStopping) return
  isStopping = true
  removeAddress(localDir)
  log(`keeper ${process.pid} stops`)
  for (const user of users) user.destroy()
  running
    .stop()
    .catch((error: unknown) => log(messageOf(error)))
    .finally(() => process.exit(0))
}
