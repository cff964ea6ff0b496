import { join } from 'node:path'
import type { ServiceName } from './keeper-protocol.ts'
import { nodeService } from './node-service.ts'
import { postgresService } from './postgres-service.ts'
import type { Service } from './service.ts'

/** Everything that the embedded default can bring up. One more service is one more line here. */
export function embeddedServices(
  localDir: string,
  programs: { sandbox: string },
): Record<ServiceName, Service> {
  return {
    postgres: postgresService(localDir),
    sandbox: nodeService('sandbox', programs.sandbox, join(localDir, 'sandbox.log')),
  }
}
