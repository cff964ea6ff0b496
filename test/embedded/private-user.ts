/** A process with a private Postgres: says in one line what it got, then lives until it is killed. */
import { startPrivatePostgres } from '../../src/embedded/private-server.ts'

const { url, dir } = await startPrivatePostgres({ fsync: false })
process.stdout.write(`${JSON.stringify({ url, dir })}\n`)
process.stdin.resume()
