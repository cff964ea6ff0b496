import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ProblemError } from './problem.ts'

type Route = { method: string; path: RegExp }

/** Remembers the routes as they are made, so that a known path with another method is a 405 that names those it has. */
export function rememberRoutes(app: FastifyInstance): (request: FastifyRequest) => never {
  const routes: Route[] = []
  app.addHook('onRoute', ({ method, url }) => {
    const path = new RegExp(`^${url.replace(/:[^/]+/g, '[^/]+')}/?$`)
    for (const one of [method].flat()) routes.push({ method: one, path })
  })
  return (request) => {
    const [path = ''] = request.url.split('?')
    const methods = routes.filter((route) => route.path.test(path)).map(({ method }) => method)
    if (methods.length === 0) throw new ProblemError(404, 'there is nothing at this address')
    throw new MethodNotAllowed(methods)
  }
}

/** A 405, with what the `Allow` header must say. */
export class MethodNotAllowed extends ProblemError {
  readonly methods: readonly string[]
  constructor(methods: readonly string[]) {
    super(405, `here it is ${methods.join(', ')}`)
    this.methods = methods
  }
}
