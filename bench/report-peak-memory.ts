import { writeFileSync } from 'node:fs'

// Loaded before a program that is measured: writes its highest resident set, in KiB, when it ends.
process.on('exit', () => {
  writeFileSync(process.env['PEAK_FILE'] ?? '', String(process.resourceUsage().maxRSS))
})
