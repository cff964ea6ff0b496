import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { sql } from 'kysely'
import type { Db } from '../../db/connect.ts'

/** Somebody who has logged in. */
export interface Session {
  /** What the cookie holds. */
  secret: string
  /** The name that was given at the login: what the ledger calls whoever does something. */
  who: string
}

/** A session ends so long after the login, in seconds. */
export const sessionSeconds = 12 * 3600

export interface Sessions {
  open(who: string): Promise<Session>
  find(secret: string): Promise<Session | undefined>
  close(session: Session): Promise<void>
}

/** Sessions are rows, so that any process behind this address knows them and a restart ends none. */
export function createSessions(db: Db, apiToken = ''): Sessions {
  // Under the token: who has another one set ends all sessions.
  const keyOf = (secret: string) => createHmac('sha256', apiToken).update(secret).digest()
  return {
    async open(who) {
      const secret = randomBytes(32).toString('base64url')
      await sql`
        with ended as (delete from ledger.page_sessions where expires_at < clock_timestamp())
        insert into ledger.page_sessions (key, who, expires_at)
        values (${keyOf(secret)}, ${who}, clock_timestamp() + make_interval(secs => ${sessionSeconds}))`.execute(
        db,
      )
      return { secret, who }
    },
    async find(secret) {
      const { rows } = await sql<{ who: string }>`
        select who from ledger.page_sessions where key = ${keyOf(secret)} and expires_at > clock_timestamp()`.execute(
        db,
      )
      return rows[0] && { secret, who: rows[0].who }
    },
    async close({ secret }) {
      await db.deleteFrom('ledger.page_sessions').where('key', '=', keyOf(secret)).execute()
    },
  }
}

/** What each form of this session carries: a page of another site can make a browser post, but not know this. */
export function formToken({ secret }: Session): string {
  return createHmac('sha256', secret).update('form').digest('base64url')
}

export function isFormToken(session: Session, given: string): boolean {
  const [expected, found] = [Buffer.from(formToken(session)), Buffer.from(given)]
  return expected.length === found.length && timingSafeEqual(expected, found)
}
