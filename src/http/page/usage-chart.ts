import { type Html, html } from './html.ts'

export interface Hour {
  hour: Date
  requests: number
  /** Answered with a 429. */
  refused: number
}

const height = 60

/** A bar an hour, up to the quota where it is known: how near we are to it, and when we were told to wait. */
export function usageChart(
  service: string,
  usage: readonly Hour[],
  perHour: number | undefined,
  hours: number,
  now: Date,
): Html {
  const busiest = Math.max(1, ...usage.map(({ requests }) => requests))
  const share =
    perHour === undefined ? '' : `, ${Math.round((100 * busiest) / perHour)} % of the quota`
  const about = `requests to ${service} by hour: ${busiest.toLocaleString('en')} in the busiest${share}`
  const lastHour = Math.floor(now.getTime() / 3_600_000)
  const bars = usage.flatMap(({ hour, requests, refused }) => {
    const x = hours - 1 - (lastHour - Math.floor(hour.getTime() / 3_600_000))
    if (x < 0) return []
    const tall = Math.max(1, Math.round((requests / busiest) * (height - 4)))
    // Few of many, and yet they must be seen.
    const red = refused === 0 ? 0 : Math.min(tall, Math.max(4, (tall * refused) / requests))
    const said = `${hour.toISOString().slice(0, 13).replace('T', ' ')}:00, ${requests} requests, ${refused} refused with 429`
    return [
      html`<g><title>${said}</title>
<rect class="asked" x="${x * 10 + 1}" y="${height - tall}" width="8" height="${tall}"/>
${red > 0 && html`<rect class="refused" x="${x * 10 + 1}" y="${height - red}" width="8" height="${red}"/>`}</g>`,
    ]
  })
  return html`<svg class="usage" role="img" aria-label="${about}" viewBox="0 0 ${hours * 10} ${height}" preserveAspectRatio="none">${bars}</svg><p class="note">${about}</p>`
}
