/** Stands in for a sandbox that cannot start. */
process.stderr.write('no such fixture\n')
process.exitCode = 3
