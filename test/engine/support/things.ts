import { onTestFinished } from 'vitest'
import { z } from 'zod'
import { moveWatermark } from '../../../src/db/watermarks.ts'
import { eachPage, type Operation } from '../../../src/etl/stream.ts'
import type { Run } from '../../../src/jobs/job.ts'
import { startUpstream } from '../../etl/support/upstream-server.ts'

type Cursor = { page: number }
const fine = () => 200
const idOf = (payload: unknown) => z.object({ id: z.string() }).safeParse(payload).data?.id
const answerSchema = z.object({ records: z.array(z.unknown()), next: z.number().nullable() })

/** An upstream with lists of things, ten pages of two each, that fails where a test tells it to. */
export async function startThings(pages = 10) {
  const server = await startUpstream()
  onTestFinished(() => server.stop())
  let answerFor: (path: string) => number | 'hang' = fine
  server.answer((request, response) => {
    const url = new URL(request.url ?? '', server.url)
    const status = answerFor(`${url.pathname}${url.search}`)
    if (status === 'hang') return
    const page = Number(url.searchParams.get('page'))
    const records = [0, 1].map((n) => ({ id: `${url.pathname} ${page * 2 + n}` }))
    const body = status === 200 ? { records, next: page + 1 < pages ? page + 1 : null } : {}
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body))
  })
  return {
    asked: server.asked,
    /** How it answers from now on: a status, or never. */
    answer(how: (path: string) => number | 'hang') {
      answerFor = how
    },
    async read(run: Run<Record<string, unknown>>, subjects: readonly string[], watermark?: Date) {
      const seeds = subjects.map((subject) => ({ subject, cursor: { page: 0 } }))
      await run.streams(thingsOf(run, server.url, watermark), seeds)
      return {}
    },
  }
}

function thingsOf(
  { http, call }: Run<Record<string, unknown>>,
  baseUrl: string,
  watermark: Date | undefined,
): Operation<Cursor, { id: string }> {
  const upstream = {
    service: 'instagram',
    account: baseUrl,
    baseUrl,
    headers: {},
    perSecond: 1000,
    settings: { baseUrl: 'INSTAGRAM_BASE_URL', secret: 'INSTAGRAM_ACCESS_KEY' },
  }
  return {
    service: 'instagram',
    operation: 'things',
    entity: {
      source: 'instagram',
      entity: 'things',
      idOf,
      transform: (payload) => ({ row: { id: idOf(payload) ?? '' } }),
      load: async () => {},
    },
    async extract({ page }, { subject, context }) {
      const request = { path: `/${subject}`, query: `page=${page}` }
      const answer = await http.send(upstream, request, context)
      const { records, next } = answerSchema.parse(answer.json())
      return { records, next: next === null ? null : { page: next } }
    },
    alsoWrite: eachPage(async (trx, page) => {
      if (!page.done || !watermark) return
      const key = { job: call.job, service: 'instagram', operation: 'things' } as const
      await moveWatermark(trx, { ...key, subject: page.subject }, watermark, call.id)
    }),
  }
}
