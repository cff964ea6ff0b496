import { expect, test } from 'vitest'
import { openStreamList } from '../../src/etl/stream-list.ts'

const named = (id: string) => ({ stream: { id } })

test('a look that failed while there was still something to read hides no stream', async () => {
  const ledger = ['1', '2', '3', '4'].map(named)
  let looks = 0
  const list = openStreamList(async (after = '', except) => {
    if (++looks === 2) throw new Error('the database was away')
    return ledger.filter(({ stream: { id } }) => id > after && !except.includes(id)).slice(0, 2)
  }, 8)
  const taken: string[] = []
  for (let n = 0; n < 10; n++) {
    const stream = await list.take().catch(() => undefined)
    if (!stream) continue
    taken.push(stream.stream.id)
    ledger.splice(ledger.indexOf(stream), 1)
    list.drop(stream)
  }
  expect(taken).toEqual(['1', '2', '3', '4'])
})
