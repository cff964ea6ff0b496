import { z } from 'zod'
import type { Job } from '../../jobs/job.ts'
import { type Html, html } from './html.ts'

type Schema = z.core.JSONSchema._JSONSchema

interface Field {
  name: string
  kind: 'flag' | 'number' | 'choice' | 'choices' | 'lines' | 'text' | 'json'
  required: boolean
  about: string
  schema: Exclude<Schema, boolean>
}

/** What a field's name begins with in the form, so that a parameter can have any name. */
const prefix = 'param.'

/** A form for a job's parameters, made from the schema that checks them. `given`: what was sent and is to be corrected. */
export function runForm(job: Job, given: URLSearchParams | undefined): Html {
  return html`${fieldsOf(job).map((field) => input(field, given))}`
}

/**
 * The parameters that a form of `runForm` sent: what was left empty is left out. Checked by nobody so far.
 * @throws SyntaxError that names the field, where JSON was expected
 */
export function paramsOf(job: Job, form: URLSearchParams): Record<string, unknown> {
  const params: Record<string, unknown> = {}
  for (const field of fieldsOf(job)) {
    const value = valueOf(field, form.getAll(prefix + field.name))
    if (value !== undefined) params[field.name] = value
  }
  return params
}

function fieldsOf(job: Job): Field[] {
  const schema = z.toJSONSchema(job.params, { io: 'input', unrepresentable: 'any' })
  const required = new Set(schema.required ?? [])
  return Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const one = typeof property === 'boolean' ? {} : property
    const about = [
      one.description,
      one.default === undefined ? undefined : `default: ${JSON.stringify(one.default)}`,
    ]
    return {
      name,
      kind: kindOf(one),
      required: required.has(name),
      about: about.filter((part) => part !== undefined).join('; '),
      schema: one,
    }
  })
}

function kindOf(schema: Exclude<Schema, boolean>): Field['kind'] {
  if (schema.type === 'boolean') return 'flag'
  if (schema.type === 'integer' || schema.type === 'number') return 'number'
  if (schema.enum) return 'choice'
  if (schema.type === 'array' && itemOf(schema)?.enum) return 'choices'
  if (schema.type === 'array' && isSimple(itemOf(schema))) return 'lines'
  return isSimple(schema) ? 'text' : 'json'
}

const itemOf = ({ items }: Exclude<Schema, boolean>) =>
  typeof items === 'object' && !Array.isArray(items) ? items : undefined

function isSimple(schema: Schema | undefined): boolean {
  if (typeof schema !== 'object') return false
  if (schema.anyOf) return schema.anyOf.every(isSimple)
  return schema.type === 'string' || schema.type === 'integer' || schema.type === 'number'
}

function input(field: Field, form: URLSearchParams | undefined): Html {
  const { name, kind, schema, required, about } = field
  const id = prefix + name
  const values = form?.getAll(id) ?? []
  const [value = ''] = values
  const label = html`${name}${required && html` <span class="note">(needed)</span>`}`
  const note = about && html`<p class="note" id="about-${id}">${about}</p>`
  const named = html`name="${id}" id="${id}"${about && html` aria-describedby="about-${id}"`}`
  const labelled = (control: Html) => html`<label for="${id}">${label}</label>${control}${note}`
  switch (kind) {
    case 'flag': {
      const on = form ? values.includes('true') : schema.default === true
      return html`<label for="${id}"><input type="checkbox" ${named} value="true"${on && html` checked`}> ${label}</label>${note}`
    }
    case 'choices':
      return html`<fieldset><legend>${label}</legend>
${(itemOf(schema)?.enum ?? []).map((one) => checkbox(id, String(one), values.includes(String(one))))}${note}</fieldset>`
    case 'choice':
      return labelled(
        html`<select ${named}><option value="">–</option>
${(schema.enum ?? []).map((one) => html`<option${value === String(one) && html` selected`}>${String(one)}</option>`)}</select>`,
      )
    case 'number':
      return labelled(
        html`<input type="number" ${named} value="${value}"${bound('min', schema.minimum)}${bound('max', schema.maximum)}
${schema.default !== undefined && html` placeholder="${JSON.stringify(schema.default)}"`}>`,
      )
    case 'lines':
      return labelled(
        html`<textarea ${named} rows="3" placeholder="one a line">${value}</textarea>`,
      )
    case 'text':
      return labelled(html`<input ${named} value="${value}">`)
    case 'json':
      return labelled(
        html`<textarea ${named} rows="5" placeholder="JSON" spellcheck="false">${value}</textarea>`,
      )
    default:
      throw new TypeError('every kind is named above')
  }
}

const checkbox = (name: string, value: string, checked: boolean) =>
  html`<label><input type="checkbox" name="${name}" value="${value}"${checked && html` checked`}> ${value}</label>`

/** Bounds that only say what a number can be at all are none. */
const bound = (name: string, value: number | undefined) =>
  value !== undefined && Math.abs(value) < Number.MAX_SAFE_INTEGER && html` ${name}="${value}"`

function valueOf({ name, kind, schema }: Field, values: readonly string[]): unknown {
  if (kind === 'flag') return values.includes('true')
  if (kind === 'choices') return values.length > 0 ? values : undefined
  const text = values[0]?.trim() ?? ''
  if (text === '') return undefined
  if (kind === 'number') return Number(text)
  if (kind === 'lines') {
    const lines = text.split('\n').flatMap((line) => line.trim() || [])
    const type = itemOf(schema)?.type
    return type === 'integer' || type === 'number' ? lines.map(Number) : lines
  }
  if (kind !== 'json') return text
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new SyntaxError(`${name}: JSON was expected`, { cause })
  }
}
