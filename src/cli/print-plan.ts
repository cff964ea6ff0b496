import type { Plan } from '../jobs/job.ts'
import { exitCode } from './exit.ts'
import { plainTable } from './print-run.ts'

export function printPlan(plan: Plan): number {
  const table = plainTable(['operation', 'requests', 'why'])
  for (const { operation, count, why } of plan.requests) table.push([operation, count, why])
  process.stdout.write(
    `${table.toString()}\n\ncredits: ${plan.credits}\nnothing was asked, nothing was written\n`,
  )
  return exitCode.succeeded
}
