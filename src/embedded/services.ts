import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ServiceName } from './keeper-protocol.ts'
import { nodeService } from './node-service.ts'
import { postgresService } from './postgres-service.ts'
import type { Service } from './service.ts'

const s3Program = fileURLToPath(new URL('s3-program.ts', import.meta.url))

/** Everything that the embedded default can bring up. One more service is one more line here. */
export function embeddedServices(
  localDir: string,
  programs: { sandbox: string },
): Record<ServiceName, Service> {
  return {
    postgres: postgresService(localDir),
    sandbox: nodeService('sandbox', programs.sandbox, join(localDir, 'sandbox.log'), [
      '--data-dir',
      join(localDir, 'sandbox'),
    ]),
    s3: nodeService('s3', s3Program, join(localDir, 's3.log'), ['--dir', join(localDir, 's3')]),
  }
}
