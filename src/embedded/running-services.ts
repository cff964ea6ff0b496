import type { RunningService, Service } from './service.ts'
import { messageOf } from './start-failure.ts'

/** The services that a keeper has up. */
export interface RunningServices {
  /** Its URL, once it is up; it is started where it is not. */
  urlOf(service: Service): Promise<string>
  /** Ends them all, also those that are still starting. */
  stop(): Promise<void>
}

// One that fell sooner would fall again.
const restartAfterMs = 5000

/**
 * Runs each service at most once, whoever asks. One that ends unexpectedly is started again at its
 * address, so that its users find it there; one that does not stay up is left for the next who asks.
 */
export function runServices(log: (text: string) => void): RunningServices {
  const running = new Map<string, Promise<RunningService>>()
  let isStopping = false

  function ensure(service: Service): Promise<RunningService> {
    const known = running.get(service.name)
    if (known) return known
    if (isStopping) return Promise.reject(new Error('the keeper is stopping'))
    const starting = service.start()
    running.set(service.name, starting)
    watch(service, starting).catch((error: unknown) => {
      running.delete(service.name)
      log(`${service.name} did not start: ${messageOf(error)}`)
    })
    return starting
  }

  async function watch(service: Service, starting: Promise<RunningService>): Promise<void> {
    const { exited } = await starting
    const upSince = performance.now()
    log(`${service.name} is up`)
    await exited
    running.delete(service.name)
    log(`${service.name} has ended`)
    if (!isStopping && performance.now() - upSince > restartAfterMs) await ensure(service)
  }

  return {
    urlOf: async (service) => (await ensure(service)).url,
    stop: async () => {
      isStopping = true
      const up = await Promise.allSettled(running.values())
      const started = up.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []))
      await Promise.allSettled(started.map((service) => service.stop()))
    },
  }
}
