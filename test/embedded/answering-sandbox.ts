/** Stands in for the sandbox: says where it listens and answers every request. */
import { createServer } from 'node:http'

const server = createServer((_request, response) => response.end('sandbox'))
server.listen(Number(process.argv[3]), '127.0.0.1', () => {
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  process.stdout.write(`${JSON.stringify({ listening: `http://127.0.0.1:${port}` })}\n`)
})
