import { refuse } from './errors.ts'
import type { Field } from './fields.ts'

/** How each field of a node is told; undefined = the key is absent. */
export type Resolvers = Record<string, (field: Field) => unknown>

export type Node = { type: string; id: string; fields: Resolvers }

/** Only what was asked for, and the id always. */
export function project(node: Node, asked: readonly Field[]): Record<string, unknown> {
  const told: Record<string, unknown> = {}
  for (const field of asked) {
    if (field.name === 'id') continue
    const resolve = Object.hasOwn(node.fields, field.name) ? node.fields[field.name] : undefined
    if (resolve === undefined) {
      const message = `(#100) Tried accessing nonexisting field (${field.name}) on node type (${node.type})`
      return refuse(100, undefined, message)
    }
    const value = resolve(field)
    if (value !== undefined) told[field.name] = value
  }
  return { ...told, id: node.id }
}
