import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Actor } from '../../db/actions.ts'
import { getJobCall } from '../../db/job-calls.ts'
import { Fault } from '../../errors.ts'
import { catalog, findJob } from '../../jobs/catalog.ts'
import {
  cancelCall,
  pauseSchedule,
  queueAgain,
  queueNew,
  unblockService,
} from '../../jobs/operate.ts'
import type { Door } from '../app.ts'
import { ProblemError } from '../problem.ts'
import { document } from './frame.ts'
import { readJobPage } from './job-page.ts'
import { formOf, sessionOf } from './members.ts'
import { paramsOf } from './run-form.ts'

/** What the buttons do. Each leads back to where what came of it is seen. */
export function actRoutes(members: FastifyInstance, { db, settings }: Door): void {
  members.post('/calls/:id', async (request, reply) => {
    const { id } = callPath(request)
    const call = await getJobCall(db, id)
    if (!call) throw new ProblemError(404, 'there is no such job call')
    const act = wanted(request)
    if (act === 'cancel') await cancelCall(db, call, actorOf(request))
    else if (act === 'resume') await queueAgain(db, call, actorOf(request))
    else throw noSuchAct
    return await reply.redirect(`/calls/${id}`, 303)
  })

  members.post('/jobs/:job', async (request, reply) => {
    const { name } = jobPath(request)
    const act = wanted(request)
    if (act !== 'pause' && act !== 'unpause') throw noSuchAct
    await pauseSchedule(db, findJob(catalog, name).name, act === 'pause', actorOf(request))
    return await reply.redirect(`/jobs/${encodeURIComponent(name)}`, 303)
  })

  members.post('/jobs/:job/run', async (request, reply) => {
    const { name } = jobPath(request)
    const job = findJob(
      catalog.filter(({ child }) => !child),
      name,
    )
    const form = formOf(request)
    try {
      const id = await queueNew(db, settings, job, paramsOf(job, form), actorOf(request))
      return await reply.redirect(`/calls/${id}`, 303)
    } catch (error) {
      const wrong = refusal(error)
      if (!wrong) throw error
      const page = await readJobPage(db, settings, name, { form, ...wrong })
      return await showAgain(reply, document(page, sessionOf(request), `/jobs/${name}`).text)
    }
  })

  members.post('/upstreams', async (request, reply) => {
    const service = formOf(request).get('unblock')
    if (!service) throw noSuchAct
    await unblockService(db, service, actorOf(request))
    return await reply.redirect('/upstreams', 303)
  })
}

const noSuchAct = new ProblemError(400, 'there is no such button')

/** @throws ProblemError 404: what is no id names no call */
export function callPath({ params }: FastifyRequest): { id: string } {
  const parsed = z.object({ id: z.uuid() }).safeParse(params)
  if (!parsed.success) throw new ProblemError(404, 'there is no such job call')
  return parsed.data
}

export function jobPath({ params }: FastifyRequest): { name: string } {
  return { name: z.object({ job: z.string() }).parse(params).job }
}

const wanted = (request: FastifyRequest) => formOf(request).get('do') ?? ''

const actorOf = (request: FastifyRequest): Actor => ({ who: sessionOf(request).who, door: 'page' })

/** What whoever filled in a form can correct, or wait for. */
function refusal(error: unknown): { wrong: string; hint: string | undefined } | undefined {
  if (error instanceof Fault && (error.kind === 'params' || error.kind === 'busy'))
    return { wrong: error.message, hint: error.hint }
  return error instanceof SyntaxError ? { wrong: error.message, hint: undefined } : undefined
}

const showAgain = (reply: FastifyReply, text: string) =>
  reply.code(422).type('text/html').send(text)
