import type { LogEntry } from './request-log.ts'
import type { UpstreamStats } from './request-stats.ts'
import type { Upstream } from './upstream.ts'

const style = `
  body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
    color: #1b1b1b; background: #fff }
  table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem }
  th, td { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #ddd;
    vertical-align: top; overflow-wrap: anywhere }
  td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
  .bad { color: #a40000; font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    body { color: #e6e6e6; background: #161616 } th, td { border-color: #383838 }
    .bad { color: #ff8a80 }
  }`

/** The page at `/`, for a person: what was asked, how it was answered, and the settings. */
export function overviewPage(
  upstreams: readonly Upstream[],
  stats: Record<string, UpstreamStats>,
  last: readonly LogEntry[],
  settings: Record<string, Record<string, unknown>>,
): string {
  const sections = upstreams.map(({ name, prefix, serves }) => {
    const counted = stats[name]
    return `
<h2>${escape(name)}</h2>
<p>${escape(serves)}; base URL ends in <code>${escape(prefix)}</code></p>
${counted === undefined ? '' : summary(counted) + endpoints(counted)}
<details><summary>Settings</summary>
${table(['Setting', 'Value'], Object.entries(settings[name] ?? {}).map(settingRow))}
</details>`
  })
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sandbox</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="5"><style>${style}</style></head><body>
<h1>Sandbox: simulated upstreams</h1>
${sections.join('\n')}
<h2>Last ${last.length} requests, newest first</h2>
${requestTable(last)}
</body></html>
`
}

function summary(stats: UpstreamStats): string {
  const facts: [string, unknown][] = [
    ['Requests', stats.requests],
    ['Most in any second', stats.mostInASecond],
    ['Most at once', stats.mostInFlight],
    ['429', stats.tooMany429],
    ['403', stats.forbidden403],
    ['First', stats.firstTime ?? '-'],
    ['Last', stats.lastTime ?? '-'],
  ]
  return table(
    facts.map(([name]) => name),
    [facts.map(([, value]) => cell(value))],
  )
}

function endpoints(stats: UpstreamStats): string {
  const rows = Object.entries(stats.endpoints).map(([endpoint, statuses]) => {
    const counts = Object.entries(statuses).map(([status, count]) => `${status}: ${count}`)
    return [cell(endpoint), cell(counts.join(', '))]
  })
  return table(['Endpoint', 'Answers'], rows)
}

function requestTable(entries: readonly LogEntry[]): string {
  const rows = entries
    .toReversed()
    .map((entry) => [
      cell(entry.n),
      cell(entry.time),
      cell(requestText(entry)),
      statusCell(entry.status),
      cell(entry.ms === null ? '' : Math.round(entry.ms)),
      cell(entry.ids),
      cell(entry.rows),
      cell(entry.inFlight),
    ])
  return table(['No', 'Time', 'Request', 'Status', 'ms', 'Ids', 'Rows', 'In flight'], rows)
}

function requestText({ method, path, query, detail }: LogEntry): string {
  return [`${method} ${path}${query === '' ? '' : `?${cut(query)}`}`, detail].join(' ').trimEnd()
}

function statusCell(status: number | null): string {
  const isBad = status !== null && (status === 0 || status >= 400)
  return `<td class="n${isBad ? ' bad' : ''}">${status ?? '…'}</td>`
}

function settingRow([name, value]: [string, unknown]): string[] {
  return [cell(name), cell(typeof value === 'string' ? value : JSON.stringify(value))]
}

function table(heads: readonly string[], rows: readonly string[][]): string {
  const head = heads.map((name) => `<th>${escape(name)}</th>`).join('')
  const body = rows.map((cells) => `<tr>${cells.join('')}</tr>`).join('\n')
  return `<table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table>`
}

function cell(value: unknown): string {
  return `<td${typeof value === 'number' ? ' class="n"' : ''}>${escape(String(value))}</td>`
}

function cut(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
