/** What comes of asking for the file at an address at a moment, in ms of the asker's clock. Undefined: it is there. */
export type FetchMedia = (url: string, atMs: number) => string | undefined

const privateHosts = /^(localhost|127\.|10\.|192\.168\.|169\.254\.|0\.|\[)/

/**
 * What a service on the internet would see. Files of the sandbox's Instagram are judged by their
 * signature; this machine's own addresses are out of reach; everything else is taken to be there.
 */
export function createMediaFetcher(ofInstagram: FetchMedia): FetchMedia {
  return (url, atMs) =>
    privateHosts.test(new URL(url).host) ? 'address out of reach' : ofInstagram(url, atMs)
}
