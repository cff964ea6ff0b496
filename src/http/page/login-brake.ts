/** Wrong tokens that are borne, within how many ms. */
const most = 20
const withinMs = 60_000

/** So that nobody tries tokens by the thousand. For all clients together: behind a proxy they look the same. */
export interface LoginBrake {
  /** Whether no login is looked at for now, with the right token or not. */
  isOn(): boolean
  /** Notes a wrong token. */
  refused(): void
}

export function createLoginBrake(now: () => number = () => performance.now()): LoginBrake {
  let times: number[] = []
  return {
    isOn() {
      times = times.filter((time) => now() - time < withinMs)
      return times.length >= most
    },
    refused: () => void times.push(now()),
  }
}
