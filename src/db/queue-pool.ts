import type pg from 'pg'
import { isDatabaseAway } from './lost-connection.ts'

/**
 * The pool as graphile-worker is to see it. What it writes when a task has ended it repeats for a few error codes only;
 * a lost connection is none of them, and its rejection, which nobody handles, would end the process (seen with 0.18).
 * So a database that is away looks to it like a serialization failure, which it repeats for minutes.
 */
export function queuePool(pool: pg.Pool): pg.Pool {
  const connect = async () => {
    const client = await repeatable(pool.connect())
    return replace(client, {
      query: (...args: unknown[]) => repeatable(call(client, 'query', args)),
    })
  }
  return replace(pool, {
    // With a callback it is the listener's connection, which comes back by itself.
    connect: (...args: unknown[]) => (args.length > 0 ? call(pool, 'connect', args) : connect()),
  })
}

async function repeatable<T>(work: T): Promise<Awaited<T>> {
  try {
    return await work
  } catch (error) {
    if (isDatabaseAway(error)) Object.assign(error as Error, { code: '40001' })
    throw error
  }
}

/** The same object, some of its methods replaced. */
function replace<T extends object>(target: T, methods: Record<string, unknown>): T {
  return new Proxy(target, {
    get(_, name) {
      const replaced = typeof name === 'string' ? methods[name] : undefined
      const value: unknown = replaced ?? Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

function call(target: object, method: string, args: unknown[]): unknown {
  const work: unknown = Reflect.get(target, method, target)
  return typeof work === 'function' ? work.apply(target, args) : undefined
}
