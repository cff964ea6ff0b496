import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Fault } from '../errors.ts'
import type { Settings } from '../settings.ts'
import { ProblemError } from './problem.ts'

type GuardSettings = Pick<Settings, 'API_TOKEN' | 'HTTP_HOST' | 'NODE_ENV'>

/** In production; what is shorter can be guessed. */
const shortestToken = 16

/**
 * Without a token, whoever reaches the server may use it: so only this machine may, and in production nobody, since there a proxy
 * on this machine may bring the world. Nor may a token be short there.
 * @throws Fault `settings` that says so
 */
export function refuseOpenDoor({ API_TOKEN, HTTP_HOST, NODE_ENV }: GuardSettings): void {
  if (NODE_ENV === 'production' && API_TOKEN !== undefined && API_TOKEN.length < shortestToken)
    throw new Fault(
      'settings',
      `API_TOKEN: shorter than ${shortestToken} characters, with NODE_ENV=production`,
      {
        hint: 'set another one (openssl rand -hex 24)',
      },
    )
  if (API_TOKEN !== undefined) return
  if (NODE_ENV === 'production')
    throw new Fault('settings', 'API_TOKEN: not set; HTTP needs it with NODE_ENV=production', {
      hint: 'set API_TOKEN (openssl rand -hex 24), or leave HTTP out with --only scheduler,worker',
    })
  if (isLoopback(HTTP_HOST)) return
  throw new Fault(
    'settings',
    `API_TOKEN: not set; without it HTTP_HOST must be a loopback address`,
    {
      hint: 'set API_TOKEN, or leave HTTP_HOST at 127.0.0.1',
    },
  )
}

/** Lets only those in who bring the token; without one set, only those who call this machine by its own name. */
export function guard(api: FastifyInstance, { API_TOKEN }: GuardSettings): void {
  api.addHook('onRequest', async (request, reply) => {
    if (API_TOKEN === undefined) return refuseFromAfar(request)
    const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
    if (isSameToken(token, API_TOKEN)) return
    void reply.header('www-authenticate', 'Bearer')
    throw new ProblemError(401, 'a bearer token is needed, and this is none or a wrong one')
  })
}

/** Digests are of one length, so that the time tells nothing of the token, not even how long it is. */
export function isSameToken(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected))
}

/**
 * A page of the web can point a name of its own at 127.0.0.1, and then call us from its visitor's browser; a proxy on this machine
 * brings requests of others under this machine's name.
 * @throws ProblemError 401 for a request that calls this machine by a name that is not its own, or that was passed on
 */
export function refuseFromAfar(request: FastifyRequest): void {
  const isPassedOn = Object.keys(request.headers).some((name) => proxyHeader.test(name))
  if (isLoopback(hostnameOf(request)) && !isPassedOn) return
  throw new ProblemError(401, 'without API_TOKEN only requests to localhost are served')
}

/** What proxies add: `Forwarded` and `Via` (RFC 7239, RFC 9110), and what was usual before. */
const proxyHeader = /^(forwarded|via|x-forwarded-.+|x-real-ip)$/

function hostnameOf({ headers }: FastifyRequest): string {
  return URL.parse(`http://${headers.host ?? ''}`)?.hostname ?? ''
}

function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host)
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
