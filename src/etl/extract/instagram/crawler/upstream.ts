import type { z } from 'zod'
import { Fault } from '../../../../errors.ts'
import type { Settings } from '../../../../settings.ts'
import type { ExtractTools } from '../../../stream.ts'
import type { HttpClient, Upstream } from '../../http-client.ts'
import { HttpFault } from '../../verdict.ts'
import { explain, judge } from './verdict.ts'

export interface Crawler {
  /** Quota and breaker go by this. */
  account: string
  /**
   * `GET`s a path and checks the answer's outer shape; `due` says what it should be.
   * @throws CrawlerFault where it is refused, Fault `bad_answer` that quotes what has another shape.
   */
  get<Shape>(
    path: string,
    query: Record<string, string | undefined>,
    expected: { due: string; shape: z.ZodType<Shape> },
    tools: ExtractTools,
  ): Promise<Shape>
}

/** The crawler API (HikerAPI) that the settings name. Call only where they name one. */
export function openCrawler(http: HttpClient, settings: Settings): Crawler {
  const baseUrl = settings.INSTAGRAM_BASE_URL ?? ''
  const upstream: Upstream = {
    service: 'instagram',
    account: new URL(baseUrl).host,
    baseUrl,
    headers: { 'x-access-key': settings.INSTAGRAM_ACCESS_KEY ?? '' },
    perSecond: settings.INSTAGRAM_REQUESTS_PER_SECOND,
    settings: { baseUrl: 'INSTAGRAM_BASE_URL', secret: 'INSTAGRAM_ACCESS_KEY' },
    judge,
  }
  return {
    account: upstream.account,
    async get(path, query, { due, shape }, { context }) {
      const call = `GET ${path}`
      const answer = await http
        .send(upstream, { path, query: encode(query) }, context)
        .catch((error: unknown) => {
          throw error instanceof HttpFault ? explain(error, call) : error
        })
      const body = shape.safeParse(answer.json())
      if (body.success) return body.data
      throw new Fault('bad_answer', `${call}: ${due} was due, not "${answer.quote()}"`, {
        service: 'instagram',
      })
    },
  }
}

function encode(query: Record<string, string | undefined>): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] =>
    Boolean(entry[1]),
  )
  return new URLSearchParams(given).toString()
}
