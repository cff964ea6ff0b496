import { type Answer, HAL } from '../http/answer.ts'
import { lastValue, parseQuery } from '../http/php-query.ts'
import type { Visit } from './visit.ts'
import { ACCOUNT_ID, USER_IDS } from './world.ts'

/** The flag is told only when asked for: `with=is_api_filter_enabled` (upstreams/amocrm.md, 1). */
export function accountAnswer({ ask, settings }: Visit): Answer {
  const extra = (lastValue(parseQuery(ask.search), 'with') ?? '').split(',')
  const body = {
    id: ACCOUNT_ID,
    name: 'Sandbox',
    subdomain: 'sandbox',
    created_at: 1_600_000_000,
    created_by: 0,
    updated_at: 1_700_000_000,
    updated_by: 0,
    current_user_id: USER_IDS[0],
    country: 'RU',
    currency: 'RUB',
    _links: { self: { href: `${ask.baseUrl}/api/v4/account` } },
    ...(extra.includes('is_api_filter_enabled') && {
      is_api_filter_enabled: settings.filtersEnabled,
    }),
  }
  return { status: 200, contentType: HAL, json: body }
}
