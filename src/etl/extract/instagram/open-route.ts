import type { Settings } from '../../../settings.ts'
import type { HttpClient } from '../http-client.ts'
import { crawlerRoute } from './crawler/operations.ts'
import { graphRoute } from './graph/operations.ts'
import type { InstagramRoute } from './route.ts'

/** The way to Instagram that the settings name. Call only where they name an address. */
export function openInstagram(http: HttpClient, settings: Settings): InstagramRoute {
  const open = { crawler: crawlerRoute, graph: graphRoute }[settings.INSTAGRAM_ROUTE]
  return open(http, settings)
}
