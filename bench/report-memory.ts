import { writeFileSync } from 'node:fs'

// Loaded before a program that is measured: tells, when it ends, its highest resident set and how that went.
const memory: { at: number; mb: number }[] = []
setInterval(() => {
  memory.push({ at: Date.now() / 1000, mb: process.memoryUsage.rss() / 2 ** 20 })
}, 100).unref()

process.on('exit', () => {
  const peakMb = process.resourceUsage().maxRSS / 1024
  writeFileSync(process.env['MEMORY_FILE'] ?? '', JSON.stringify({ peakMb, memory }))
})
