import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { created, payload, withDoor } from '../support/door.ts'

// https://spec.openapis.org/oas/3.1/schema/2022-10-07, which the OpenAPI Initiative publishes.
const officialSchema = readFileSync(
  new URL('../support/openapi-3.1.schema.json', import.meta.url),
  'utf8',
)

const at = (path: string) => ({ $ref: `openapi.json#${path}` })

const description = z.looseObject({
  openapi: z.string(),
  paths: z.record(
    z.string(),
    z.record(z.string(), z.looseObject({ responses: z.looseObject({}) })),
  ),
})

test('the description is OpenAPI 3.1, and says what the door does', async () => {
  const { url, post } = await withDoor()
  const response = await fetch(`${url}/openapi.json`)
  expect(response.headers.get('content-type')).toContain('application/json')
  const said = description.parse(await response.json())
  const { openapi, paths } = said
  expect(openapi).toBe('3.1.0')
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
  const isValid = ajv.compile(
    // Ajv takes the first for an anchor of the dialect: what it means here is the second.
    JSON.parse(officialSchema.replaceAll('"$dynamicRef": "#meta"', '"$ref": "#/$defs/schema"')),
  )
  expect([isValid(said), isValid.errors]).toEqual([true, null])
  expect(isValid({ openapi: '3.1.0', info: {}, paths: {} })).toBe(false)

  expect(Object.keys(paths).toSorted()).toEqual(
    expect.arrayContaining(['/api/demo-import', '/healthz', '/readyz']),
  )
  const { post: operation } = paths['/api/demo-import'] ?? {}
  expect(operation?.['security']).toEqual([{ token: [] }])
  const problems = ['400', '401', '405', '409', '413', '415', '422', '500', '503']
  expect(Object.keys(operation?.responses ?? {}).toSorted()).toEqual(['201', ...problems])

  // Its own schemas tell good bodies from bad ones as the door does.
  const own = new Ajv2020({ strict: false, validateFormats: false })
  own.addSchema(said, 'openapi.json')
  const to = '/paths/~1api~1demo-import/post'
  const body = own.compile(at(`${to}/requestBody/content/application~1json/schema`))
  expect([body(payload), body({ ...payload, more: 1 })]).toEqual([true, true])
  expect([body({}), body({ product: { name: 'p' }, segments: [] })]).toEqual([false, false])
  const answer = own.compile(at(`${to}/responses/201/content/application~1json/schema`))
  expect(answer(await created(await post(payload)))).toBe(true)
})
