/**
 * A command that uses the embedded services: `node user.ts <options of joinEmbedded as JSON>`.
 * Says in one line what it got, then lives until it is killed or its input ends.
 */
import { joinEmbedded } from '../../src/embedded/join.ts'

const services = await joinEmbedded(JSON.parse(process.argv[2] ?? '{}'))
process.stdout.write(`${JSON.stringify(services)}\n`)
process.stdin.resume()
