import type { Plan } from '../jobs/job.ts'
import { exitCode } from './exit.ts'
import { plainTable } from './plain-table.ts'

export function printPlan(plan: Plan): number {
  const requests = plan.requests.map(({ operation, count, why }) => [operation, count, why])
  process.stdout.write(
    `${plainTable(['operation', 'requests', 'why'], requests)}\n\ncredits: ${plan.credits}\nnothing was asked, nothing was written\n`,
  )
  return exitCode.succeeded
}
