import { spawnSync } from 'node:child_process'
import { startFailure } from './start-failure.ts'

/** The unprivileged account that Postgres runs as when we are root. */
export interface Account {
  uid: number
  gid: number
}

/**
 * The account for Postgres, which refuses to run as root: `postgres`, else `nobody`.
 * Nothing is created on the machine.
 *
 * @returns undefined where we are not root: Postgres then runs as we do
 * @throws Fault where root has neither account
 */
export function serverAccount(): Account | undefined {
  if (process.geteuid?.() !== 0) return undefined
  const account = lookUp('postgres') ?? lookUp('nobody')
  if (account) return account
  throw startFailure(
    'postgres',
    'Postgres refuses to run as root, and this machine has no account "postgres" or "nobody" for it.',
    'Run as another user, or set DATABASE_URL.',
  )
}

/** Whether the account can enter the folder: tried out, since access lists count besides mode bits. */
export function canEnter(account: Account, folder: string): boolean {
  const tried = spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], {
    ...account,
    cwd: '/',
    env: {},
    stdio: 'ignore',
  })
  if (tried.error) {
    const reason = `cannot start a process as uid ${account.uid}: ${tried.error.message}`
    throw startFailure('postgres', reason, 'Run as another user than root, or set DATABASE_URL.')
  }
  return tried.status === 0
}

// Asks `id` and not /etc/passwd, because accounts may come from elsewhere (LDAP, macOS).
function lookUp(name: string): Account | undefined {
  const { status, stdout } = spawnSync('/bin/sh', ['-c', 'id -u "$1" && id -g "$1"', 'sh', name], {
    encoding: 'utf8',
  })
  const [uid, gid] = stdout.trim().split('\n').map(Number)
  return status === 0 && uid && gid ? { uid, gid } : undefined
}
