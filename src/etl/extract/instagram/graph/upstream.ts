import type { z } from 'zod'
import { Fault, Parked } from '../../../../errors.ts'
import type { Settings } from '../../../../settings.ts'
import type { ExtractTools } from '../../../stream.ts'
import type { Answer } from '../../answer.ts'
import type { HttpClient, Upstream } from '../../http-client.ts'
import { HttpFault } from '../../verdict.ts'
import { errorIn, GraphFault, judge } from './errors.ts'
import type { OwnAccount } from './own-accounts.ts'
import { usageIn } from './usage.ts'

export interface Graph {
  /** Quota and breaker go by this. */
  account: string
  /**
   * `GET`s a node or an edge and checks the answer's outer shape.
   * @throws GraphFault where it is refused; Parked where a limit is used up; Fault `bad_answer` that quotes what has another shape.
   */
  get<Shape>(
    path: string,
    query: Record<string, string | undefined>,
    expected: { due: string; shape: z.ZodType<Shape> },
    tools: ExtractTools,
  ): Promise<Shape>
  known: Known
}

/** What the calls of one process have learnt, whichever profile they are for. */
interface Known {
  /** Whose accounts the token is for, and until when that is believed, in milliseconds since the epoch. */
  own?: { accounts: OwnAccount[]; until: number }
  /** Fields that this version of the API refuses, as `list.field`. */
  refused: Set<string>
  /** A limit is used up: nothing is sent before, in milliseconds since the epoch. */
  restUntil: number
}

/** Where no wait is told: the limits are counted over a rolling hour or day, so that a look now and then is enough. */
const restMs = 300_000

const knownBy = new WeakMap<HttpClient, Map<string, Known>>()

/** The official Graph API, for the token that the settings hold. Call only where they name one. */
export function openGraph(http: HttpClient, settings: Settings): Graph {
  const baseUrl = withVersion(settings.INSTAGRAM_BASE_URL ?? '')
  const token = settings.INSTAGRAM_ACCESS_KEY ?? ''
  const upstream: Upstream = {
    service: 'instagram',
    account: new URL(baseUrl).host,
    baseUrl,
    // Not in the address, which is logged here and there.
    headers: { authorization: `Bearer ${token}` },
    perSecond: settings.INSTAGRAM_REQUESTS_PER_SECOND,
    settings: { baseUrl: 'INSTAGRAM_BASE_URL', secret: 'INSTAGRAM_ACCESS_KEY' },
  }
  const known = knownOf(http, `${baseUrl} ${token}`)

  return {
    account: upstream.account,
    known,
    async get(path, query, { due, shape }, { context }) {
      if (known.restUntil > Date.now()) throw parked(known, 'a limit is used up')
      let last: Answer | undefined
      const judging: Upstream = {
        ...upstream,
        judge: (answer) => {
          last = answer
          return judge(answer)
        },
      }
      const asked = { path, query: encode(query) }
      const answer = await http.send(judging, asked, context).catch((error: unknown) => {
        throw explained(error, last, known, `GET ${path}`)
      })
      // The next request would be refused: better not to send it (upstreams/instagram.md, A3: throttled at 100).
      const { percent, regainMs = restMs } = usageIn(answer)
      if (percent >= 100) rest(known, regainMs)
      const body = shape.safeParse(answer.json())
      if (body.success) return body.data
      const message = `GET ${path}: ${due} was due, not "${answer.quote()}"`
      throw new Fault('bad_answer', message, { service: 'instagram' })
    },
  }
}

function explained(error: unknown, last: Answer | undefined, known: Known, call: string): unknown {
  const said = last && errorIn(last)
  if (!(error instanceof HttpFault) || !last || !said) return error
  const { code, subcode, message } = said
  const where = subcode === undefined ? `${code}` : `${code}/${subcode}`
  const told = `${call}: ${where}, ${message.slice(0, 300)}`
  if (error.kind !== 'rate_limited') return new GraphFault(said, error, told)
  rest(known, usageIn(last).regainMs ?? restMs)
  return parked(known, told)
}

function rest(known: Known, ms: number): void {
  known.restUntil = Math.max(known.restUntil, Date.now() + ms)
}

const parked = ({ restUntil }: Known, reason: string) =>
  new Parked('instagram', new Date(restUntil), reason)

/** The address with a version, as the documentation writes it, or without. */
function withVersion(baseUrl: string): string {
  return /\/v\d+\.\d+$/.test(baseUrl) ? baseUrl : `${baseUrl}/v25.0`
}

function knownOf(http: HttpClient, key: string): Known {
  const all = knownBy.get(http) ?? new Map<string, Known>()
  const known = all.get(key) ?? { refused: new Set(), restUntil: 0 }
  knownBy.set(http, all.set(key, known))
  return known
}

function encode(query: Record<string, string | undefined>): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] =>
    Boolean(entry[1]),
  )
  return new URLSearchParams(given).toString()
}
