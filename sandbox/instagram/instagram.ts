import { createSlidingWindow } from '../sliding-window.ts'
import type { Upstream } from '../upstream.ts'
import { instagramAdmin } from './admin.ts'
import { createCrawler } from './crawler/crawler.ts'
import { createGraph } from './graph/graph.ts'
import { createUsage } from './graph/usage.ts'
import { defaultOptions, type InstagramOptions } from './options.ts'
import { createParts, type InstagramParts, settingsOf, shownSettings } from './parts.ts'
import type { MediaAddresses } from './signed.ts'
import { createWorld } from './world.ts'

/**
 * The simulated Instagram by both its routes, over one world: the crawler API below `/instagram`,
 * the official one below `/graph` (upstreams/instagram.md). The admin of both is the first's.
 */
export function createInstagram(
  given: Partial<InstagramOptions>,
  addresses: MediaAddresses,
): Upstream[] {
  const parts = createParts({ ...defaultOptions, ...given }, addresses)
  const crawler: Upstream = {
    name: 'instagram',
    ...createCrawler(parts),
    idsAsked: () => 0,
    admin: instagramAdmin(parts),
    settings: () => shownSettings(parts),
    reset: (part) => reset(parts, part),
  }
  const graph: Upstream = {
    name: 'graph',
    ...createGraph(parts),
    idsAsked: () => 0,
    admin: [],
    settings: () => ({ see: 'instagram' }),
    // What there is to reset is the other's.
    reset: () => undefined,
  }
  return [crawler, graph]
}

function reset(parts: InstagramParts, part: Parameters<Upstream['reset']>[0]): void {
  if (part === 'world') {
    parts.world = createWorld(parts.options)
    parts.scripts.clear()
  }
  if (part === 'settings') {
    parts.settings = settingsOf(parts.options)
    parts.second = createSlidingWindow(1000)
    parts.usage = createUsage()
  }
  if (part === 'faults') parts.faults.clear()
}
