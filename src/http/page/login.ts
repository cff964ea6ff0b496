import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Logger } from '../../log.ts'
import type { Settings } from '../../settings.ts'
import { isSameToken, refuseFromAfar } from '../guard.ts'
import { ProblemError } from '../problem.ts'
import { outside } from './frame.ts'
import { type Html, html } from './html.ts'
import { createLoginBrake } from './login-brake.ts'
import { findSession, formOf, isFromElsewhere, openSession } from './members.ts'
import type { Sessions } from './sessions.ts'

const query = z.object({ next: z.string().max(2000).optional().catch(undefined) })
const nameSchema = z
  .string()
  .trim()
  .regex(/^[^\p{C}\p{Zl}\p{Zp}]{1,60}$/u)

/** `/login`: the token, and a name, for a session. */
export function loginRoutes(
  app: FastifyInstance,
  sessions: Sessions,
  { settings, log }: { settings: Settings; log: Logger },
): void {
  const { API_TOKEN } = settings
  const brake = createLoginBrake()
  app.get('/login', async (request, reply) => {
    const next = safePath(query.parse(request.query).next)
    // Nobody needs to log in where there is no token.
    const isIn = API_TOKEN === undefined || (await findSession(sessions, request)) !== undefined
    if (isIn) return await reply.redirect(next, 303)
    return await reply.type('text/html').send(loginPage(next).text)
  })

  app.post('/login', async (request, reply) => {
    if (isFromElsewhere(request)) throw new ProblemError(403, 'another site sent this form')
    if (API_TOKEN === undefined) {
      refuseFromAfar(request)
      return await reply.redirect('/', 303)
    }
    const form = formOf(request)
    const next = safePath(form.get('next') ?? undefined)
    const name = nameSchema.safeParse(form.get('name'))
    if (brake.isOn()) {
      const wait = 'Too many wrong tokens came: wait a minute.'
      return await reply
        .code(429)
        .header('retry-after', '60')
        .type('text/html')
        .send(loginPage(next, form.get('name') ?? '', wait).text)
    }
    const isToken = isSameToken(form.get('token') ?? '', API_TOKEN)
    if (!isToken) {
      brake.refused()
      // Not the name: it may be a token in the wrong field.
      log.warn({ from: request.ip, request: request.id }, 'a login was refused: a wrong token')
    }
    const wrong = !name.success
      ? 'A name is needed, of 60 characters at most.'
      : isToken
        ? undefined
        : 'This is not the token.'
    if (wrong !== undefined || !name.success)
      return await reply
        .code(401)
        .type('text/html')
        .send(loginPage(next, form.get('name') ?? '', wrong).text)
    await openSession(sessions, name.data, request, reply)
    return await reply.redirect(next, 303)
  })
}

function loginPage(next: string, name = '', wrong?: string): Html {
  return outside(
    'Log in',
    html`<form method="post" action="/login" class="login">
<input type="hidden" name="next" value="${next}">
${wrong !== undefined && html`<p class="wrong" role="alert">${wrong}</p>`}
<label>Your name <input name="name" value="${name.slice(0, 60)}" autocomplete="username" required maxlength="60" autofocus aria-describedby="why-name"></label>
<p id="why-name" class="note">The ledger keeps it with what you do.</p>
<label>Token <input name="token" type="password" autocomplete="current-password" required aria-describedby="which-token"></label>
<p id="which-token" class="note">The <code>API_TOKEN</code> of this installation.</p>
<button class="main">Log in</button>
</form>`,
  )
}

/** A path of our own, whatever a link says: `//elsewhere`, `/\elsewhere` and `/.//elsewhere` are addresses of others. */
function safePath(next = '/'): string {
  const url = URL.parse(next, 'http://here')
  const isOurs = next.startsWith('/') && url?.host === 'here' && !url.pathname.startsWith('//')
  return isOurs ? `${url.pathname}${url.search}` : '/'
}
