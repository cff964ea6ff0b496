import { z } from 'zod'
import { Fault } from '../errors.ts'
import type { Settings } from '../settings.ts'
import { crmContacts } from './crm-contacts.ts'
import { demoImport } from './demo-import.ts'
import { instagram } from './instagram.ts'
import { instagramBatch } from './instagram-batch.ts'
import { instagramProfile } from './instagram-profile.ts'
import type { Job } from './job.ts'
import { leadgen } from './leadgen.ts'
import { pollAnalysis } from './poll-analysis.ts'
import { replay } from './replay.ts'

/** Every job there is: a new one is a file and a line here. */
export const catalog: readonly Job[] = [
  crmContacts,
  demoImport,
  leadgen,
  instagram,
  instagramBatch,
  instagramProfile,
  replay,
  pollAnalysis,
]

/** @throws Fault `params` that names the jobs there are. */
export function findJob(jobs: readonly Job[], name: string): Job {
  const job = jobs.find((candidate) => candidate.name === name)
  if (job) return job
  const names = jobs.map((candidate) => candidate.name).join(', ')
  throw new Fault('params', `there is no job "${name}"`, { hint: `there is: ${names}` })
}

/** @throws Fault `params` in one line that says what was expected where. */
export function parseParams(job: Job, params: unknown): object {
  const parsed = job.params.safeParse(params)
  if (parsed.success) return parsed.data
  const wrong = parsed.error.issues.map((issue) =>
    [issue.path.join('.'), issue.message].filter(Boolean).join(': '),
  )
  throw new Fault('params', `parameters of ${job.name}: ${wrong.join('; ')}`, {
    hint: `expected ${describeParams(job)}`,
  })
}

/** The parameters in one line: `{companyIds?: number[], notes?: boolean}`. */
export function describeParams(job: Job): string {
  const schema = z.toJSONSchema(job.params, { io: 'input', unrepresentable: 'any' })
  const required = new Set(schema.required ?? [])
  const fields = Object.entries(schema.properties ?? {}).map(([name, property]) => {
    return `${name}${required.has(name) ? '' : '?'}: ${typeName(property)}`
  })
  return `{${fields.join(', ')}}`
}

function typeName(property: z.core.JSONSchema._JSONSchema): string {
  if (typeof property === 'boolean') return 'anything'
  if (property.anyOf) return [...new Set(property.anyOf.map(typeName))].join(' | ')
  if (property.enum) return property.enum.map(String).join(' | ')
  if (property.type === 'array' && property.items && !Array.isArray(property.items))
    return arrayOf(typeName(property.items))
  return typeof property.type === 'string' ? property.type : 'anything'
}

const arrayOf = (item: string) => (item.includes('|') ? `(${item})[]` : `${item}[]`)

/** Names of settings that the job needs and does not have; empty: it can run. */
export function missingSettings(job: Job, settings: Settings): string[] {
  const isMissing = (name: keyof Settings) => settings[name] === undefined || settings[name] === ''
  const { needs, needsOneOf = [] } = job
  const hasNone = needsOneOf.length > 0 && needsOneOf.every(isMissing)
  return [...needs.filter(isMissing), ...(hasNone ? [needsOneOf.join(' or ')] : [])]
}
