import { randomUUID } from 'node:crypto'
import swagger from '@fastify/swagger'
import fastify, { type FastifyInstance } from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import type { Opened } from '../open.ts'
import { answerError, answerErrors } from './answer-errors.ts'
import { demoImportRoute } from './demo-import.ts'
import { guard } from './guard.ts'
import { healthRoutes } from './health.ts'
import { leadgenRoutes } from './leadgen.ts'
import { answerBrokenHttp } from './broken-http.ts'
import { metricsRoute } from './metrics.ts'
import { MethodNotAllowed, rememberRoutes } from './not-found.ts'
import { openapi } from './openapi.ts'
import { pages } from './page/pages.ts'
import { ProblemError } from './problem.ts'
import { createRunner } from './run-call.ts'

/** What the door works with. */
export type Door = Pick<Opened, 'db' | 'http' | 'files' | 'settings' | 'log' | 'worker'>

/** A body longer than this is a 413, in bytes. */
const bodyLimit = 1024 * 1024
/** For a request to arrive as a whole, in ms: a client that sends a byte a minute holds nothing. */
const requestTimeout = 20_000
/** For a connection to say anything, in ms; longer than an answer takes. */
const connectionTimeout = 60_000

/** The door without its frame: all but the listening. */
export async function createApp(door: Door): Promise<FastifyInstance> {
  const { log, settings } = door
  const app = fastify({
    logger: false,
    bodyLimit,
    requestTimeout,
    connectionTimeout,
    // Said below, as a problem.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    genReqId: ({ headers }) => sane(headers['x-request-id']) ?? randomUUID(),
    clientErrorHandler: answerBrokenHttp,
    frameworkErrors: (error, request, reply) => {
      void reply.header('x-request-id', request.id)
      answerError(log, error, request, reply)
    },
  })
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  // JSON alone: any other body is a 415.
  app.removeContentTypeParser('text/plain')
  answerErrors(app, log)
  const notFound = rememberRoutes(app)

  let isClosing = false
  app.addHook('preClose', async () => {
    isClosing = true
  })
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('x-request-id', request.id)
    if (isClosing) throw new ProblemError(503, 'the server is stopping')
  })
  // A connection that is kept open after its answer would hold the end up until its client drops it.
  app.addHook('onSend', async (_request, reply) => {
    if (isClosing) void reply.header('connection', 'close')
  })
  app.addHook('onError', async (_request, reply, error) => {
    if (error instanceof MethodNotAllowed) void reply.header('allow', error.methods.join(', '))
  })

  await app.register(swagger, openapi())
  const runner = createRunner(door)
  // After the requests at hand have been answered: what they left to be done is waited for.
  app.addHook('onClose', () => runner.close())

  app.setNotFoundHandler(notFound)
  await app.register(async (open) => healthRoutes(open, door))
  await app.register(async (open) => pages(open, door))
  await app.register(async (metrics) => {
    guard(metrics, settings)
    metricsRoute(metrics, door)
  })
  await app.register(
    async (api) => {
      // Here and not by the address: a path can be spelt in many ways.
      guard(api, settings)
      api.setNotFoundHandler(notFound)
      demoImportRoute(api, { ...door, runner })
      leadgenRoutes(api, door)
    },
    { prefix: '/api' },
  )
  await app.ready()
  return app
}

/** A client's own id for its request is kept, if it is one that can stand in a log. */
function sane(id: string | string[] | undefined): string | undefined {
  return typeof id === 'string' && /^[\w.:-]{1,100}$/.test(id) ? id : undefined
}
