import { expect, test } from 'vitest'
import { unknownSchedules } from '../../src/cli/unknown-schedules.ts'
import { Fault } from '../../src/errors.ts'
import { catalog } from '../../src/jobs/catalog.ts'
import { parseSettings } from '../../src/settings.ts'

function refusal(env: Record<string, string>): Fault {
  try {
    parseSettings(env)
  } catch (error) {
    if (error instanceof Fault) return error
    throw error
  }
  throw new Error(`accepted: ${JSON.stringify(env)}`)
}

test('nothing set: the defaults', () => {
  const { schedules, hide, ...settings } = parseSettings({})
  expect(settings).toMatchObject({
    AMOCRM_REQUESTS_PER_SECOND: 7,
    HTTP_HOST: '127.0.0.1',
    HTTP_PORT: 3000,
    WORKER_CONCURRENCY: 8,
    LEASE_SECONDS: 20,
    LOG_LEVEL: 'info',
    SANDBOX: false,
    SCHEDULE_TIMEZONE: 'UTC',
  })
  expect([settings.DATABASE_URL, schedules, hide('x')]).toEqual([undefined, {}, 'x'])
})

test('empty means not set, and spaces around a value do not count', () => {
  const settings = parseSettings({
    DATABASE_URL: '',
    AMOCRM_ACCESS_TOKEN: '  ',
    LEASE_SECONDS: ' 5 ',
    LOG_LEVEL: 'DEBUG',
    AMOCRM_BASE_URL: ' https://demo.amocrm.ru/ ',
  })
  expect(settings).toMatchObject({
    LEASE_SECONDS: 5,
    LOG_LEVEL: 'debug',
    AMOCRM_BASE_URL: 'https://demo.amocrm.ru',
  })
  expect([settings.DATABASE_URL, settings.AMOCRM_ACCESS_TOKEN]).toEqual([undefined, undefined])
})

// Each wrong value holds this word, or is one that must not be repeated either.
const mark = 'hunter2'

test.each([
  ['DATABASE_URL', `mysql://me:${mark}@host/db`],
  ['DATABASE_URL', mark],
  ['DATABASE_URL', `host:5432/${mark}`],
  ['DATABASE_URL', `postgres://me:a/${mark}@host/db`],
  ['DATABASE_URL', `postgres://me:1/${mark}@host/db`],
  ['DATABASE_URL', `postgres://me:1?${mark}@host/db`],
  ['DATABASE_URL', `postgres://me:1#${mark}@host/db`],
  ['DATABASE_URL', `postgres://me:${mark}%zz@host/db`],
  ['DATABASE_URL', `postgres://me:${mark}@host:port/db`],
  ['AMOCRM_BASE_URL', `${mark}.amocrm.ru`],
  ['AMOCRM_BASE_URL', `ftp://${mark}.amocrm.ru`],
  ['AMOCRM_BASE_URL', `https://me:${mark}@demo.amocrm.ru`],
  ['AMOCRM_BASE_URL', `https://demo.amocrm.ru?token=${mark}`],
  ['AMOCRM_ACCESS_TOKEN', `Bearer ${mark}`],
  ['AMOCRM_ACCESS_TOKEN', `${mark}\r\nx: y`],
  ['AMOCRM_ACCESS_TOKEN', `${mark}ключ`],
  ['AMOCRM_REQUESTS_PER_SECOND', '0'],
  ['AMOCRM_REQUESTS_PER_SECOND', '7.5'],
  ['AMOCRM_REQUESTS_PER_SECOND', mark],
  ['HTTP_PORT', '65536'],
  ['WORKER_CONCURRENCY', '-1'],
  ['WORKER_CONCURRENCY', '0x10'],
  ['LEASE_SECONDS', '0'],
  ['LEASE_SECONDS', 'Infinity'],
  ['LOG_LEVEL', mark],
  ['SANDBOX', mark],
  ['SCHEDULE_TIMEZONE', mark],
  ['ALERT_WEBHOOK_URL', mark],
  ['ALERT_WEBHOOK_URL', `https://me:${mark}@hooks.example.com/services/T0`],
  ['ALERT_WEBHOOK_URL', `ftp://hooks.example.com/${mark}`],
])('%s=%s is refused by name, without the value', (name, value) => {
  const { kind, message } = refusal({ [name]: value })
  expect(kind).toBe('settings')
  expect(message).toMatch(new RegExp(`^${name}: must [^\\n]+$`))
  expect(message).not.toContain(mark)
})

test('every wrong variable is named at once', () => {
  const { message } = refusal({ LEASE_SECONDS: '0', LOG_LEVEL: 'loud', AMOCRM_BASE_URL: 'demo' })
  for (const name of ['LEASE_SECONDS', 'LOG_LEVEL', 'AMOCRM_BASE_URL'])
    expect(message).toContain(`${name}: must`)
})

test.each([
  'postgres://me:p%40ss%2Fw%23rd%3F%25@host:5432/db',
  'postgresql://me@host/db?sslmode=require',
  'postgres:///db?host=/var/run/postgresql',
  'postgres://me:p@ss@host/db',
  'postgres://host',
])('DATABASE_URL=%s is fine', (url) => {
  expect(parseSettings({ DATABASE_URL: url }).DATABASE_URL).toBe(url)
})

test('secrets are hidden as given, decoded, encoded, in JSON and in Base64, and so is a password in the query', () => {
  const { hide } = parseSettings({
    DATABASE_URL: 'postgres://me:p%40ss%2Fw%23%22@host/db?password=from-query',
    AMOCRM_ACCESS_TOKEN: 'tok"en-1234',
    PGPASSWORD: 'from-libpq',
  })
  for (const text of [
    'p%40ss%2Fw%23%22',
    'p@ss/w#"',
    JSON.stringify({ a: 'p@ss/w#"' }),
    'tok"en-1234',
    'tok\\"en-1234',
    Buffer.from('tok"en-1234').toString('base64'),
    'from-query',
    'from-libpq',
  ])
    expect(hide(`before ${text} after`)).toMatch(/^before .*\[hidden\].* after$/)
  expect(hide('me at host, db')).toBe('me at host, db')
})

test("a webhook's address and a collector's keys are secrets, whole and in part; short words are none", () => {
  const { hide } = parseSettings({
    ALERT_WEBHOOK_URL: 'https://hooks.example.com/services/T0/B0/abc123',
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%20long%20key,tenant=main',
  })
  for (const text of [
    'https://hooks.example.com/services/T0/B0/abc123',
    'POST /services/T0/B0/abc123',
    'a long key',
    'a%20long%20key',
  ])
    expect(hide(`before ${text} after`)).toMatch(/^before .*\[hidden\].* after$/)
  expect(hide('abc123 in services/T0')).toContain('abc123')
  expect(hide('the main thing at hooks.example.com')).toBe('the main thing at hooks.example.com')
})

test('schedules go by job name; one that no job has is told, with those that there are', () => {
  const settings = parseSettings({
    SCHEDULE_CRM_CONTACTS: '0 3 * * *',
    SCHEDULE_CRM_CONTACT: '0 4 * * *',
    SCHEDULE_TIMEZONE: 'Europe/Berlin',
  })
  expect(settings.schedules).toEqual({ 'crm-contacts': '0 3 * * *', 'crm-contact': '0 4 * * *' })
  const warnings = unknownSchedules(settings, catalog)
  expect(warnings).toEqual([
    expect.stringMatching(/^SCHEDULE_CRM_CONTACT: there is no such job.*SCHEDULE_CRM_CONTACTS/),
  ])
})
