import cookie from '@fastify/cookie'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { Fault } from '../../errors.ts'
import type { Door } from '../app.ts'
import { tellError } from '../answer-errors.ts'
import { actRoutes, callPath, jobPath } from './acts.ts'
import { readActionsPage } from './actions-page.ts'
import { assetRoutes } from './assets.ts'
import { readCallPage } from './call-page.ts'
import { document, outside, type Page } from './frame.ts'
import { fewCalls, manyCalls, readGrid } from './grid.ts'
import { html } from './html.ts'
import { readJobPage } from './job-page.ts'
import { createLive } from './live.ts'
import { loginRoutes } from './login.ts'
import { forgetCookie, membersOnly, sessionOf } from './members.ts'
import { createSessions } from './sessions.ts'
import { readUpstreamsPage } from './upstreams.ts'

/** The operator's page: what anybody sees (the login), and behind it what members see and do. */
export async function pages(app: FastifyInstance, door: Door): Promise<void> {
  const { db, log, settings } = door
  const sessions = createSessions(db, settings.API_TOKEN)
  const live = createLive(log)
  app.addHook('preClose', async () => live.close())
  await app.register(cookie)
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    async (_request: FastifyRequest, body: string) => new URLSearchParams(body),
  )
  app.addHook('onRequest', async (_request, reply) => void reply.headers(policy))
  app.addHook('onRoute', (route) => {
    route.schema = { ...route.schema, hide: true }
  })
  app.setErrorHandler(async (error, request, reply) => {
    const { status, detail } = tellError(log, error, request)
    const hint = hintOf(error)
    await reply
      .code(status)
      .type('text/html')
      .send(
        outside(
          `${status}`,
          html`<p class="error">${detail}${hint && html`<br><span class="hint">${hint}</span>`}</p><p><a href="/">To the jobs</a></p>`,
        ).text,
      )
  })

  assetRoutes(app)
  loginRoutes(app, sessions, door)
  await app.register(async (members) => {
    membersOnly(members, sessions, settings)
    members.post('/logout', async (request, reply) => {
      await sessions.close(sessionOf(request))
      forgetCookie(reply)
      return await reply.redirect('/login', 303)
    })

    /** A page, and beside it the news of it. */
    const page = (
      path: string,
      read: (request: FastifyRequest, atOnce: boolean) => Promise<Page>,
    ) => {
      members.get(path, async (request, reply) => {
        const made = await read(request, true)
        return await reply
          .type('text/html')
          .send(document(made, sessionOf(request), request.url).text)
      })
      members.get(`${path.replace(/\/$/, '')}/live`, async (request, reply) => {
        // What can't be read at all is an error, not a stream that never says anything.
        await live.untilClose(read(request, true))
        reply.hijack()
        for (const [name, value] of Object.entries(reply.getHeaders()))
          if (value !== undefined) reply.raw.setHeader(name, value)
        live.follow(request.url, () => read(request, false), reply.raw)
      })
    }
    page('/', ({ query }) => readGrid(db, settings, gridQuery.parse(query).calls))
    page('/calls/:id', (request, atOnce) => readCallPage(db, callPath(request).id, atOnce))
    page('/jobs/:job', (request) => readJobPage(db, settings, jobPath(request).name))
    page('/upstreams', () => readUpstreamsPage(db, settings))
    page('/actions', () => readActionsPage(db))
    actRoutes(members, door)
  })
}

const gridQuery = z.object({ calls: z.coerce.number().int().min(1).max(manyCalls).catch(fewCalls) })

/** Nothing is loaded from elsewhere, sent elsewhere or shown inside another page, and no script or style stands in a page. */
const policy = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
}

const hintOf = (error: unknown) => (error instanceof Fault ? error.hint : undefined)
