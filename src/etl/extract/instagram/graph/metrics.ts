import { z } from 'zod'
import type { ExtractTools } from '../../../stream.ts'
import { GraphFault } from './errors.ts'
import type { Graph } from './upstream.ts'

const insights = {
  due: 'a list of metrics',
  shape: z.looseObject({ data: z.array(z.unknown()) }),
}

/**
 * Asks for metrics. Missing data is an empty list, not 0 (upstreams/instagram.md, A4). Which metrics there are changes with
 * every version of the API: a refusal lists those that it knows, and they are asked for once more.
 */
export async function askMetrics(
  graph: Graph,
  id: string,
  metrics: readonly string[],
  more: Record<string, string>,
  tools: ExtractTools,
): Promise<unknown[]> {
  const ask = async (some: readonly string[]) => {
    const query = { metric: some.join(','), ...more }
    return (await graph.get(`/${id}/insights`, query, insights, tools)).data
  }
  try {
    return await ask(metrics)
  } catch (error) {
    const known = error instanceof GraphFault && error.code === 100 ? knownIn(error.message) : []
    const left = metrics.filter((name) => known.includes(name))
    if (left.length === 0 || left.length === metrics.length) throw error
    return await ask(left)
  }
}

function knownIn(message: string): string[] {
  const list = /must be one of the following values: (.+)/.exec(message)?.[1]
  return list?.split(/[\s,.]+/) ?? []
}
