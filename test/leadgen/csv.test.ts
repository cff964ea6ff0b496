import { array, assert, asyncProperty, constantFrom, oneof, string, tuple } from 'fast-check'
import { expect, test } from 'vitest'
import { csvColumns, type CsvRow, toCsv } from '../../src/etl/load/leads-csv.ts'

/** RFC 4180 and nothing besides: the records of a text, or where it is none. */
function parseCsv(text: string): string[][] {
  const records: string[][] = []
  let at = 0
  while (at < text.length) {
    const record: string[] = []
    for (;;) {
      let field = ''
      if (text[at] === '"') {
        for (at++; ; at++) {
          if (at >= text.length) throw new Error('a quote is not closed')
          if (text[at] !== '"') field += text[at]
          else if (text[at + 1] === '"') field += text[at++]
          else break
        }
        at++
      } else {
        const end = /[,\r\n"]/.exec(text.slice(at))?.index ?? text.length - at
        field = text.slice(at, at + end)
        at += end
      }
      record.push(field)
      if (text[at] !== ',') break
      at++
    }
    if (text.slice(at, at + 2) !== '\r\n') throw new Error(`no end of a record at ${at}`)
    at += 2
    records.push(record)
  }
  return records
}

async function csvOf(rows: readonly CsvRow[]): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of toCsv(rows)) chunks.push(Buffer.from(chunk))
  return new TextDecoder('utf8', { fatal: true }).decode(Buffer.concat(chunks))
}

const emptyRow: CsvRow = {
  apollo_id: null,
  first_name: null,
  last_name: null,
  title: null,
  seniority: null,
  email: null,
  email_status: null,
  linkedin_url: null,
  city: null,
  state: null,
  country: null,
  organization: null,
  organization_domain: null,
  organization_industry: null,
  organization_employees: null,
  found_by: null,
  enrichment: null,
}

const nasty = oneof(
  constantFrom('=1+1', '+1', '-1', '@x', '\tx', '\rx', '"', ',', '\n', '\r\n', '', '""', "'="),
  string({ unit: 'grapheme' }),
  tuple(constantFrom('=', '+', '-', '@', '\t', '\r', '"', ' ='), string()).map((parts) =>
    parts.join(''),
  ),
)

test('any cells come back as they were; none that begins like a formula stands there as one', async () => {
  await assert(
    asyncProperty(array(array(nasty, { minLength: 17, maxLength: 17 })), async (cells) => {
      const rows = cells.map((values) => ({
        ...emptyRow,
        ...Object.fromEntries(csvColumns.map((column, index) => [column, values[index]])),
      }))
      const [header, ...records] = parseCsv(await csvOf(rows))
      expect(header).toEqual([...csvColumns])
      expect(records.length).toBe(rows.length)
      for (const [row, record] of records.entries()) {
        for (const [column, cell] of record.entries()) {
          const given = cells[row]?.[column] ?? ''
          const formula = /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/
          expect(cell).not.toMatch(formula)
          expect(cell).toBe(formula.test(given) ? `'${given}` : given)
        }
      }
    }),
    { numRuns: 300 },
  )
})

test('nulls are empty, numbers plain, without rows there is the header', async () => {
  expect(await csvOf([])).toBe(`${csvColumns.join(',')}\r\n`)
  const row = { ...emptyRow, first_name: 'Zoë', organization_employees: 140 }
  expect(await csvOf([row])).toBe(`${csvColumns.join(',')}\r\n,Zoë,,,,,,,,,,,,,140,,\r\n`)
})
