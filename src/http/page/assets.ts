import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { FastifyInstance } from 'fastify'

const files = {
  'style.css': 'text/css; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
  'icon.svg': 'image/svg+xml',
}

/** Style, script and icon, for everybody: they say nothing of the ledger. */
export function assetRoutes(app: FastifyInstance): void {
  for (const [name, type] of Object.entries(files)) {
    const content = readFileSync(path.join(import.meta.dirname, name))
    app.get(`/page/${name}`, async (_request, reply) => {
      // Asked for anew each time: after an upgrade, page and script must be of one make.
      return await reply.type(type).header('cache-control', 'no-cache').send(content)
    })
  }
}
