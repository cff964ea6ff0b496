import type { Entity, MultiText } from './world.ts'

const phoneEnums: Record<string, number> = {
  WORK: 61_001,
  WORKDD: 61_003,
  MOB: 61_005,
  FAX: 61_007,
  HOME: 61_009,
  OTHER: 61_011,
}
const emailEnums: Record<string, number> = { WORK: 61_021, PRIV: 61_023, OTHER: 61_025 }
const sourceEnum = 61_031

/** null where nothing was filled in, never an empty list: upstreams/amocrm.md, 3. */
export function customFields({ type, fields }: Entity): CustomField[] | null {
  if (fields === null) return null
  const told: CustomField[] = []
  if (fields.phones.length > 0) {
    told.push(multitext(71_001, 'Телефон', 'PHONE', fields.phones, phoneEnums))
  }
  if (fields.emails.length > 0) {
    told.push(multitext(71_003, 'Email', 'EMAIL', fields.emails, emailEnums))
  }
  const values = fields.text === null ? [] : [{ value: fields.text }]
  if (values.length > 0 && type === 'contacts') {
    told.push(field(71_005, 'Должность', 'POSITION', 'text', values))
  }
  if (values.length > 0 && type === 'companies') {
    told.push(field(71_007, 'Web', 'WEB', 'url', values))
  }
  if (fields.source !== null) {
    const chosen = { value: fields.source, enum_id: sourceEnum, enum_code: null }
    told.push(field(71_011, 'Источник', null, 'select', [chosen]))
  }
  return told.length === 0 ? null : told
}

export type CustomField = {
  field_id: number
  field_name: string
  field_code: string | null
  field_type: string
  values: { value: string; enum_id?: number; enum_code?: string | null }[]
}

function field(
  field_id: number,
  field_name: string,
  field_code: string | null,
  field_type: string,
  values: CustomField['values'],
): CustomField {
  return { field_id, field_name, field_code, field_type, values }
}

function multitext(
  id: number,
  name: string,
  code: string,
  texts: readonly MultiText[],
  enums: Record<string, number>,
): CustomField {
  const values = texts.map((one) => ({
    value: one.text,
    enum_id: enums[one.code] ?? 0,
    enum_code: one.code,
  }))
  return field(id, name, code, 'multitext', values)
}
