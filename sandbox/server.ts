import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { performance } from 'node:perf_hooks'
import { createAdmin } from './admin.ts'
import { createTextMl, createVision } from './analysis/analysis.ts'
import { createMediaFetcher } from './analysis/media-fetcher.ts'
import type { AnalysisOptions } from './analysis/options.ts'
import { createAmocrm } from './amocrm/amocrm.ts'
import type { AmocrmOptions } from './amocrm/options.ts'
import { createApollo } from './apollo/apollo.ts'
import type { ApolloOptions } from './apollo/options.ts'
import { deliver } from './http/deliver.ts'
import { problem } from './http/problem.ts'
import { readBody } from './http/read-body.ts'
import { createInstagram } from './instagram/instagram.ts'
import type { InstagramOptions } from './instagram/options.ts'
import { createMediaAddresses } from './instagram/signed.ts'
import { createRecorder } from './recorder.ts'
import type { ReplicateOptions } from './replicate/options.ts'
import { createReplicate } from './replicate/replicate.ts'
import type { Upstream } from './upstream.ts'

export type SandboxOptions = {
  /** Default 0: any free port. */
  port?: number
  /** Default 127.0.0.1. */
  host?: string
  /** Sizes, seed and settings of the simulated amoCRM: amocrm/options.ts. */
  amocrm?: Partial<AmocrmOptions>
  /** The same of the simulated Apollo: apollo/options.ts. */
  apollo?: Partial<ApolloOptions>
  /** The same of the simulated Instagram, both routes: instagram/options.ts. */
  instagram?: Partial<InstagramOptions>
  /** The same of the two services that analyse: analysis/options.ts. */
  vision?: Partial<AnalysisOptions>
  textMl?: Partial<AnalysisOptions>
  /** The same of the simulated Replicate: replicate/options.ts. */
  replicate?: Partial<ReplicateOptions>
}

export type Sandbox = {
  /** `http://127.0.0.1:PORT` */
  url: string
  /** What a client takes for its base URL, by the name of the upstream. */
  baseUrls: Record<
    'amocrm' | 'apollo' | 'instagram' | 'graph' | 'vision' | 'textMl' | 'replicate',
    string
  >
  upstreams: readonly Pick<Upstream, 'name' | 'serves'>[]
  /** Drops every connection, also those being answered. */
  close(): Promise<void>
}

/** Starts the simulated upstreams; resolves when they listen. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const addresses = createMediaAddresses()
  const fetchMedia = createMediaFetcher((url, atMs) => addresses.problem(url, atMs))
  const upstreams = [
    createAmocrm(options.amocrm),
    createApollo(options.apollo),
    ...createInstagram({ ...options.instagram }, addresses),
    createVision({ ...options.vision }, fetchMedia),
    createTextMl({ ...options.textMl }, fetchMedia),
    createReplicate({ ...options.replicate }, fetchMedia),
  ]
  const recorder = createRecorder(upstreams.map(({ name }) => name))
  const admin = createAdmin(upstreams, recorder)

  // Node refuses long addresses itself, and late: they have to get as far as the upstream's 414.
  const server = createServer({ maxHeaderSize: 256 * 1024 }, (request, response) => {
    const arrivedMs = performance.now()
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
    const upstream = upstreams.find(({ prefix }) => path.startsWith(`${prefix}/`))
    const done =
      upstream === undefined
        ? admin(request, response)
        : answerAs(upstream, request, response, arrivedMs)
    done.catch((error: unknown) => {
      console.error(error)
      response.destroy()
    })
  })
  // As long as nginx keeps them, so that a client's own limit comes first.
  server.keepAliveTimeout = 75_000

  const answerAs = async (
    upstream: Upstream,
    request: IncomingMessage,
    response: ServerResponse,
    arrivedMs: number,
  ) => {
    const { method = 'GET', url = '/', headers } = request
    const [path, search] = splitOnce(url.slice(upstream.prefix.length), '?')
    const record = recorder.begin({
      upstream: upstream.name,
      method,
      path,
      search: upstream.loggedSearch?.(search) ?? search,
      arrivedMs,
    })
    const { body, bodyBytes } = await readBody(request)
    record.note({ ids: upstream.idsAsked(search, body), detail: upstream.detail?.(body) ?? '' })
    const baseUrl = `http://${headers.host ?? 'localhost'}${upstream.prefix}`
    const urlBytes = Buffer.byteLength(url)
    let answer = problem(500, 'the sandbox itself failed; see its output')
    try {
      answer = upstream.answer({
        method,
        path,
        search,
        urlBytes,
        headers,
        body,
        bodyBytes,
        baseUrl,
        arrivedMs,
      })
    } catch (error) {
      console.error(error)
    }
    await deliver(answer, response)
    record.end(answer, response)
  }

  const address = await new Promise<AddressInfo>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', () => {
      const bound = server.address()
      if (bound !== null && typeof bound === 'object') resolve(bound)
    })
  })
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
  const url = `http://${host}:${address.port}`
  return {
    url,
    baseUrls: {
      amocrm: `${url}/amocrm`,
      apollo: `${url}/apollo`,
      instagram: `${url}/instagram`,
      graph: `${url}/graph`,
      vision: `${url}/vision`,
      textMl: `${url}/text-ml`,
      replicate: `${url}/replicate`,
    },
    upstreams,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function splitOnce(text: string, at: string): [string, string] {
  const position = text.indexOf(at)
  return position < 0 ? [text, ''] : [text.slice(0, position), text.slice(position + 1)]
}
