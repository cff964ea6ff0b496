import { refuse } from './errors.ts'

/** `media.limit(12).after(X){id,caption}` is name, args and fields. */
export type Field = {
  name: string
  args: ReadonlyMap<string, string>
  fields: readonly Field[]
  /** What stands in the braces, as it came; '' without any. */
  inner: string
}

/** Reads the `fields` of a request, nested to any depth. A syntax error is a 2500. */
export function parseFields(text: string): Field[] {
  const reader = { text, at: 0 }
  const fields = text === '' ? [] : readList(reader)
  if (reader.at < text.length) fail(reader)
  return fields
}

type Reader = { text: string; at: number }

function readList(reader: Reader): Field[] {
  const fields = [readField(reader)]
  while (skip(reader, ',')) fields.push(readField(reader))
  return fields
}

function readField(reader: Reader): Field {
  const name = readName(reader)
  const args = new Map<string, string>()
  while (skip(reader, '.')) {
    const arg = readName(reader)
    if (!skip(reader, '(')) fail(reader)
    const end = reader.text.indexOf(')', reader.at)
    if (end < 0) fail(reader)
    args.set(arg, reader.text.slice(reader.at, end).trim())
    reader.at = end + 1
  }
  if (!skip(reader, '{')) return { name, args, fields: [], inner: '' }
  const start = reader.at
  const fields = readList(reader)
  const inner = reader.text.slice(start, reader.at)
  if (!skip(reader, '}')) fail(reader)
  return { name, args, fields, inner }
}

function readName(reader: Reader): string {
  const pattern = /\s*(\w+)\s*/y
  pattern.lastIndex = reader.at
  const match = pattern.exec(reader.text)
  if (match === null) return fail(reader)
  reader.at = pattern.lastIndex
  return match[1] ?? ''
}

function skip(reader: Reader, sign: string): boolean {
  if (reader.text[reader.at] !== sign) return false
  reader.at++
  return true
}

function fail({ text, at }: Reader): never {
  const near = text.slice(at, at + 20)
  return refuse(2500, undefined, `Syntax error "Expected end of string instead of "${near}"."`)
}
