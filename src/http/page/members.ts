import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { osAccount } from '../../os-account.ts'
import type { Settings } from '../../settings.ts'
import { refuseFromAfar } from '../guard.ts'
import { ProblemError } from '../problem.ts'
import { outside } from './frame.ts'
import { html } from './html.ts'
import { isFormToken, type Session, type Sessions, sessionSeconds } from './sessions.ts'

const cookieName = 'nightledger_session'

/** Lets only those in who have logged in, and lets nothing be done but by a form that was made for them. */
export function membersOnly(
  app: FastifyInstance,
  sessions: Sessions,
  { API_TOKEN }: Pick<Settings, 'API_TOKEN'>,
): void {
  app.decorateRequest('session', null)
  app.addHook('preHandler', async (request, reply) => {
    if (API_TOKEN === undefined) refuseFromAfar(request)
    const session =
      (await findSession(sessions, request)) ??
      // Without a token whoever is on this machine may do all: the session is only there for the forms.
      (API_TOKEN === undefined && request.method === 'GET' && !isFromElsewhere(request)
        ? await openSession(sessions, osAccount(), request, reply)
        : undefined)
    if (!session) return await turnAway(request, reply)
    if (request.method !== 'GET' && !isFormToken(session, formOf(request).get('form_token') ?? ''))
      throw new ProblemError(403, 'this form is not of your session: load the page anew')
    request.setDecorator('session', session)
    return undefined
  })
}

/** Who asks. Only behind `membersOnly`. */
export const sessionOf = (request: FastifyRequest) => request.getDecorator<Session>('session')

/** The fields of a form that was sent. */
export function formOf({ body }: FastifyRequest): URLSearchParams {
  return body instanceof URLSearchParams ? body : new URLSearchParams()
}

export async function findSession(
  sessions: Sessions,
  { cookies }: FastifyRequest,
): Promise<Session | undefined> {
  const secret = cookies[cookieName]
  return secret === undefined ? undefined : await sessions.find(secret)
}

export async function openSession(
  sessions: Sessions,
  who: string,
  { protocol, headers }: FastifyRequest,
  reply: FastifyReply,
): Promise<Session> {
  const session = await sessions.open(who)
  // Behind a proxy that speaks TLS, a cookie that is never sent without.
  const secure = protocol === 'https' || headers['x-forwarded-proto'] === 'https'
  reply.setCookie(cookieName, session.secret, {
    path: '/',
    httpOnly: true,
    sameSite: 'strict',
    secure,
    maxAge: sessionSeconds,
  })
  return session
}

export function forgetCookie(reply: FastifyReply): void {
  reply.clearCookie(cookieName, { path: '/' })
}

/** Whether a page of another site made the browser ask. Browsers say so themselves; what is no browser says nothing. */
export function isFromElsewhere({ headers }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site']
  return site !== undefined && site !== 'same-origin' && site !== 'none'
}

async function turnAway(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const isPage = request.method === 'GET' && request.headers.accept !== 'text/event-stream'
  if (!isPage) throw new ProblemError(401, 'log in first')
  const login = `/login?next=${encodeURIComponent(request.url)}`
  if (!isFromElsewhere(request)) return await reply.redirect(login, 303)
  // Who follows a link from a chat has a cookie that is not sent along with it, but is with the next request.
  return await reply
    .code(401)
    .type('text/html')
    .send(
      outside(
        'One moment',
        html`<p><a href="${login}">Go on</a></p>`,
        html`<meta http-equiv="refresh" content="0;url=${login}">`,
      ).text,
    )
}
