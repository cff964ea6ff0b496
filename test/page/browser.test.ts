import { useBrowser } from './support/browser.ts'

// One file, so that one Chromium does for all of them.
useBrowser()
await import('./grid-in-browser.ts')
await import('./call-in-browser.ts')
await import('./looks-in-browser.ts')
await import('./listens-in-browser.ts')
