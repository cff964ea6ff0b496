export interface Sample {
  name: string
  labels: Record<string, string>
  value: number
}

export interface Family {
  type: string
  help: string
  samples: Sample[]
}

const sampleLine = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: -?\d+)?$/
const labelPair = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y

/**
 * Reads Prometheus' text format 0.0.4 as strictly as Prometheus does, and a little more: each metric has its type before its
 * samples, once; no sample stands twice; buckets grow, and end in what is counted.
 * @throws for anything else, with the line
 */
export function parseMetrics(text: string): Map<string, Family> {
  const families = new Map<string, Family>()
  const seen = new Set<string>()
  const helps = new Map<string, string>()
  for (const line of text.split('\n')) {
    if (line === '') continue
    const [, word, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? []
    if (word === 'HELP') helps.set(name, rest)
    if (word === 'TYPE') {
      if (families.has(name)) throw new Error(`twice: ${line}`)
      if (!/^(counter|gauge|histogram|summary)$/.test(rest)) throw new Error(`no type: ${line}`)
      families.set(name, { type: rest, help: helps.get(name) ?? '', samples: [] })
    }
    if (word) continue
    const sample = readSample(line)
    const key = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).toSorted(([a], [b]) => (a < b ? -1 : 1)))}`
    if (seen.has(key)) throw new Error(`twice: ${line}`)
    seen.add(key)
    const family =
      families.get(sample.name) ?? families.get(sample.name.replace(/_(bucket|sum|count)$/, ''))
    if (!family) throw new Error(`a sample without a type: ${line}`)
    family.samples.push(sample)
  }
  for (const [name, family] of families) checkFamily(name, family)
  return families
}

function readSample(line: string): Sample {
  const [, name = '', labelText = '', number = ''] = sampleLine.exec(line) ?? []
  const value = /^[+-]?Inf$/.test(number) ? Number(`${number}inity`) : Number(number)
  if (!name || (Number.isNaN(value) && !/^nan$/i.test(number)))
    throw new Error(`no sample: ${line}`)
  const labels: Record<string, string> = {}
  labelPair.lastIndex = 0
  while (labelPair.lastIndex < labelText.length) {
    const [, key, escaped = ''] = labelPair.exec(labelText) ?? []
    if (!key || key in labels) throw new Error(`no labels: ${line}`)
    labels[key] = escaped.replaceAll(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c))
  }
  return { name, labels, value }
}

function checkFamily(name: string, { type, help, samples }: Family): void {
  if (!help) throw new Error(`${name}: no help`)
  if (type === 'counter' && samples.some(({ value }) => !(value >= 0)))
    throw new Error(`${name}: a counter below zero`)
  if (type !== 'histogram') return
  const series = Map.groupBy(
    samples.filter((sample) => sample.name === `${name}_bucket`),
    ({ labels }) => JSON.stringify({ ...labels, le: undefined }),
  )
  for (const [labels, buckets] of series) {
    const ends = buckets.map((one) => Number((one.labels['le'] ?? '').replace('+Inf', 'Infinity')))
    const values = buckets.map(({ value }) => value)
    const count = samples.find(
      (one) => one.name === `${name}_count` && JSON.stringify(one.labels) === labels,
    )
    if (
      !grows(ends) ||
      !grows(values) ||
      ends.at(-1) !== Infinity ||
      count?.value !== values.at(-1)
    )
      throw new Error(`${name}${labels}: its buckets do not grow to its count`)
  }
}

const grows = (list: number[]) => list.every((n, i) => i === 0 || n >= (list[i - 1] ?? 0))
