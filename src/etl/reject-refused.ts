import { isDataRefused } from '../db/lost-connection.ts'
import type { Reject } from './load/rejects.ts'
import type { TransformedPage } from './sort-page.ts'
import type { Operation, StreamDeps } from './stream.ts'
import type { PageToWrite } from './write-pages.ts'

/**
 * Postgres refused a value that the transform let through (a number out of range): finds the records, by
 * halves, each half tried in a transaction that is rolled back, and sets them aside as rejects.
 */
export async function rejectRefused<Cursor, Row>(
  deps: StreamDeps,
  operation: Operation<Cursor, Row>,
  write: PageToWrite<Cursor, Row>,
  error: Error,
): Promise<PageToWrite<Cursor, Row>> {
  const refused = new Map<string, string>()
  const search = async (part: TransformedPage<Row>['good'], reason: string): Promise<void> => {
    const first = part[0]
    if (!first) return
    if (part.length === 1) {
      refused.set(first.id, reason)
      return
    }
    const middle = Math.ceil(part.length / 2)
    for (const half of [part.slice(0, middle), part.slice(middle)]) {
      const why = await tryToLoad(deps, operation, half, write.stream.id)
      if (why !== undefined) await search(half, why)
    }
  }
  const { good, rejects } = await write.sorted.transformed()
  await search(good, error.message)
  if (refused.size === 0) throw error
  const { sorted } = write
  const refusedOnes: Reject[] = sorted.raw
    .filter(({ id }) => refused.has(id))
    .map(({ id, json }) => ({
      id,
      payload: JSON.parse(json),
      reason: `the database refused it: ${refused.get(id)}`,
    }))
  return {
    ...write,
    sorted: {
      ...sorted,
      transformed: async () => ({
        good: good.filter(({ id }) => !refused.has(id)),
        rejects: [...rejects, ...refusedOnes],
      }),
    },
  }
}

async function tryToLoad<Cursor, Row>(
  { db }: StreamDeps,
  operation: Operation<Cursor, Row>,
  part: TransformedPage<Row>['good'],
  serviceCallId: string,
): Promise<string | undefined> {
  const undo = new Error('only tried')
  try {
    await db.transaction().execute(async (trx) => {
      await operation.entity.load(
        trx,
        part.map(({ row }) => ({ ...row, service_call_id: serviceCallId })),
      )
      throw undo
    })
  } catch (error) {
    if (error === undo) return undefined
    if (isDataRefused(error)) return error.message
    throw error
  }
  return undefined
}
