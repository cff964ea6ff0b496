import { allPages, type PagesCursor, pagesSince } from '../etl/extract/amocrm/pages.ts'
import { type TimeCursor, timeSeed } from '../etl/extract/amocrm/time-cursor.ts'
import type { Operation } from '../etl/stream.ts'
import type { TwoWays } from './crm-two-ways.ts'
import type { openWatermarks, WatermarkName } from './crm-watermarks.ts'

const unixSeconds = (at: Date) => Math.floor(at.getTime() / 1000)

/** Reading a list by when its records were changed: by ranges, or by pages where filters do not work. */
export function openChanges<Row>(
  tools: { ways: TwoWays; watermarks: ReturnType<typeof openWatermarks>; parallel: number },
  name: WatermarkName,
  byTime: Operation<TimeCursor, Row>,
  pages: Operation<PagesCursor, Row>,
) {
  const { ways, watermarks, parallel } = tools
  return {
    /** Where to read on from; undefined: nothing was read yet. */
    readFrom: () => watermarks.readFrom(name),

    /** Everything up to now, by ranges side by side. */
    everything: () =>
      ways.read(
        { operation: byTime, seeds: [timeSeed(0, unixSeconds(watermarks.next))], parallel },
        { operation: pages, seeds: [{ subject: 'all', cursor: allPages }] },
      ),

    /** What changed since a moment (default: since `everything` was read); moves the watermark. */
    async since(moment: Date = watermarks.next) {
      const from = unixSeconds(moment)
      const range = timeSeed(from, null)
      const last = { subject: `since ${from}`, cursor: pagesSince(from) }
      // What an earlier attempt left open comes first: the watermark says that all before it was read.
      await ways.read({ operation: byTime, seeds: [], parallel }, { operation: pages, seeds: [] })
      await ways.read(
        { operation: watermarks.moving(byTime, name, range.subject), seeds: [range] },
        { operation: watermarks.moving(pages, name, last.subject), seeds: [last] },
      )
    },
  }
}
