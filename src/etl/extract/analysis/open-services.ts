import type { Settings } from '../../../settings.ts'
import type { Analysed } from '../../contents.ts'
import type { HttpClient, Upstream } from '../http-client.ts'
import { neutralService } from './neutral.ts'
import { replicateService } from './replicate.ts'
import type { AnalysisService, AnalysisServiceName } from './service.ts'

/** What of analysing the settings leave out, each with the settings that are missing. */
export function notAnalysed(settings: Settings): { what: string; missing: string[] }[] {
  const vision =
    settings.VISION_API === 'replicate'
      ? [...visionSettings, 'VISION_MODEL' as const]
      : visionSettings
  return [
    { what: 'photos and videos', missing: vision.filter((name) => !settings[name]) },
    { what: 'texts', missing: textSettings.filter((name) => !settings[name]) },
  ].filter(({ missing }) => missing.length > 0)
}

const visionSettings = ['VISION_BASE_URL', 'VISION_API_KEY'] as const
const textSettings = ['TEXT_ML_BASE_URL', 'TEXT_ML_API_KEY'] as const

/** The same in words, for people and for the ledger: `texts: TEXT_ML_BASE_URL is not set`. */
export const sayNotAnalysed = (settings: Settings): string[] =>
  notAnalysed(settings).map(
    ({ what, missing }) =>
      `${what}: ${missing.join(', ')} ${missing.length > 1 ? 'are' : 'is'} not set`,
  )

/** What there is a service for. */
export function analysedBy(settings: Settings): Analysed {
  const without = new Set(notAnalysed(settings).map(({ what }) => what))
  return { texts: !without.has('texts'), media: !without.has('photos and videos') }
}

/** The names of the services that are configured. */
export function configuredServices(settings: Settings): AnalysisServiceName[] {
  const { texts, media } = analysedBy(settings)
  return [...(media ? (['vision'] as const) : []), ...(texts ? (['text-ml'] as const) : [])]
}

/** Their accounts, as quotas and breakers know them. */
export const configuredAccounts = (settings: Settings) =>
  configuredServices(settings).map((service) => ({
    service,
    account: upstreamOf(service, settings).account,
  }))

/** The services that the settings name. */
export function openServices(http: HttpClient, settings: Settings): AnalysisService[] {
  return configuredServices(settings).map((service) => {
    const upstream = upstreamOf(service, settings)
    return service === 'vision' && settings.VISION_API === 'replicate'
      ? replicateService(http, upstream, settings.VISION_MODEL ?? '')
      : neutralService(http, service, upstream)
  })
}

/** Results of a hundred jobs with a hundred items each come in one answer. */
const maxBodyBytes = 128 * 1024 * 1024

function upstreamOf(service: AnalysisServiceName, settings: Settings): Upstream {
  const prefix = service === 'vision' ? 'VISION' : 'TEXT_ML'
  const baseUrl = settings[`${prefix}_BASE_URL`] ?? ''
  return {
    service,
    // Both may live at one address, and each counts by itself.
    account: `${service} ${new URL(baseUrl).host}`,
    baseUrl,
    headers: { authorization: `Bearer ${settings[`${prefix}_API_KEY`] ?? ''}` },
    perSecond: settings[`${prefix}_REQUESTS_PER_SECOND`],
    settings: { baseUrl: `${prefix}_BASE_URL`, secret: `${prefix}_API_KEY` },
    maxBodyBytes,
  }
}
