import { type RawBuilder, sql, type Transaction } from 'kysely'
import type { DB } from '../db/schema.generated.ts'
import { withoutIds } from '../etl/erased/without-erased.ts'
import type { Person } from './find-person.ts'
import { mark, type Redact, redactor } from './redact.ts'
import { count, type Tally } from './tally.ts'

/**
 * Takes a person out of what the ledger says of its runs. The rows stay, with all their figures: what ran is no secret, of whom is.
 * A stream that was to go on with the person alone is ended as skipped.
 */
export async function eraseFromLedger(
  trx: Transaction<DB>,
  person: Person,
  tally: Tally,
): Promise<void> {
  // All, whoever is in them: they are only asked for again. First, as the pages' own transactions do it.
  const atHand = await sql`delete from ledger.pages_at_hand`.execute(trx)
  count(tally, 'ledger.pages_at_hand', 'deleted', atHand.numAffectedRows)
  const redact = redactor(person, { withThings: true })
  await redactCalls(trx, person, redact, tally)
  await redactStreams(trx, person, redact, tally)
  await redactIncidents(trx, person, redact, tally)
  if (person.kind === 'profile') await redactSchedules(trx, redact, tally)

  // Of companies, amoCRM has ids of their own.
  const read = await sql`
    delete from ledger.subject_reads where service = ${person.source} and operation not like '%compan%'
      and (lower(subject) = any(${allNames(person)}::text[]) or value #>> '{}' = any(${person.ids}::text[]))`.execute(
    trx,
  )
  count(tally, 'ledger.subject_reads', 'deleted', read.numAffectedRows)
  const marks = await sql`
    delete from ledger.watermarks where service = ${person.source} and ${person.kind} = 'profile'
      and lower(subject) = any(${allNames(person)}::text[])`.execute(trx)
  count(tally, 'ledger.watermarks', 'deleted', marks.numAffectedRows)
  const met = await sql`
    delete from ledger.records_met
    where entity <> 'companies' and string_to_array(external_id, '/') && ${allNames(person)}::text[]`.execute(
    trx,
  )
  count(tally, 'ledger.records_met', 'deleted', met.numAffectedRows)
}

const allNames = ({ ids, names, things }: Person) => [...ids, ...names, ...things]

/** Which jobs may tell of a person by an id or a name that elsewhere may mean anything. */
const jobsOf = { contact: 'crm-%', profile: 'instagram%', lead: '%' }

/** Whether a text may tell of them: by a few patterns, and by each of its words, of all the ids of their things. */
const mayTell = (text: RawBuilder<unknown>, { things }: Person, { patterns }: Redact) => sql`(
  ${text} ilike any(${patterns}::text[])
  or exists (select from regexp_split_to_table(${text}, '[^A-Za-z0-9_-]+') as word
    where word = any(${things}::text[])))`

async function redactCalls(
  trx: Transaction<DB>,
  person: Person,
  redact: Redact,
  tally: Tally,
): Promise<void> {
  const changedWhere = async (condition: RawBuilder<unknown>) => {
    const { rows } = await sql<{
      id: string
      subject: string
      params: unknown
      result: unknown
      error: unknown
      progress: unknown
    }>`select id, subject, params, result, error, progress from ledger.job_calls where ${condition}`.execute(
      trx,
    )
    return rows
      .map(({ id, subject, params, result, error, progress }) => ({
        id,
        subject: redact.subject(subject),
        // crm-contacts is asked for companies by ids that are numbers, too.
        params: redact.json(params),
        result: redact.json(result),
        error: redact.json(error),
        progress: redact.json(progress),
      }))
      .filter((one, n) => JSON.stringify(one) !== JSON.stringify(rows[n]))
  }
  const said = sql`concat_ws(' ', subject, params, result, error, progress)`
  const theirs = await changedWhere(
    sql`job like ${jobsOf[person.kind]} and ${mayTell(said, person, redact)}`,
  )
  // Nothing is locked that is not changed: read once more, as they are by now.
  const changed = await changedWhere(
    sql`id = any(${theirs.map(({ id }) => id)}::uuid[]) order by id for update`,
  )
  const { numAffectedRows } = await sql`
    update ledger.job_calls c set subject = n.subject, params = n.params, result = n.result, error = n.error, progress = n.progress
    from jsonb_to_recordset(${JSON.stringify(changed)}::jsonb)
      as n (id uuid, subject text, params jsonb, result jsonb, error jsonb, progress jsonb)
    where c.id = n.id`.execute(trx)
  count(tally, 'ledger.job_calls', 'rewritten', numAffectedRows)
}

async function redactStreams(
  trx: Transaction<DB>,
  person: Person,
  redact: Redact,
  tally: Tally,
): Promise<void> {
  const words = new Set(allNames(person))
  const changedWhere = async (condition: RawBuilder<unknown>) => {
    const { rows } = await sql<{
      job_call_id: string
      id: string
      subject: string
      cursor: unknown
      error: unknown
    }>`select job_call_id, id, subject, cursor, error from ledger.service_calls where ${condition}`.execute(
      trx,
    )
    return rows.flatMap((before) => {
      const left = withoutIds(before.cursor, (id) => words.has(id))
      // A cursor that names them in another way than in a list of ids was theirs.
      const isOver = before.cursor !== null && (left === null || redact.json(left) !== left)
      const subject = redact.subject(before.subject)
      const one = {
        ...before,
        // A subject that is theirs alone is made one that no other stream of the call has.
        subject: subject === mark ? `${mark} ${before.id}` : subject,
        cursor: isOver ? null : left,
        error: redact.json(before.error),
        is_over: isOver,
      }
      const isSame =
        one.subject === before.subject && one.cursor === before.cursor && one.error === before.error
      return isSame ? [] : [one]
    })
  }
  const said = sql`concat_ws(' ', subject, cursor, error)`
  const theirs = await changedWhere(sql`
    case when ${person.kind === 'contact'} then service = 'amocrm' and operation ~ '(by-id|one|of-contacts?)$' and operation not like 'companies%'
        when ${person.kind === 'lead'} then service = 'apollo' else service <> 'amocrm' and service <> 'apollo' end
      and ${mayTell(said, person, redact)}`)
  const changed = await changedWhere(sql`
    job_call_id = any(${theirs.map(({ job_call_id: id }) => id)}::uuid[]) and id = any(${theirs.map(({ id }) => id)}::uuid[])
    order by job_call_id, id for update`)
  const skipped = JSON.stringify({ kind: 'skipped', message: 'the person was erased' })
  const { numAffectedRows } = await sql`
    update ledger.service_calls s set subject = n.subject, cursor = n.cursor,
      status = case when is_over and s.status = 'open' then 'skipped' else s.status end,
      error = case when is_over and s.status = 'open' then ${skipped}::jsonb else n.error end,
      finished_at = case when is_over and s.status = 'open' then clock_timestamp() else s.finished_at end
    from jsonb_to_recordset(${JSON.stringify(changed)}::jsonb)
      as n (job_call_id uuid, id uuid, subject text, cursor jsonb, error jsonb, is_over boolean)
    where s.job_call_id = n.job_call_id and s.id = n.id`.execute(trx)
  count(tally, 'ledger.service_calls', 'rewritten', numAffectedRows)
}

async function redactIncidents(
  trx: Transaction<DB>,
  person: Person,
  redact: Redact,
  tally: Tally,
): Promise<void> {
  const { rows } = await sql<{ id: number; message: string; hint: string | null }>`
    select id, message, hint from ledger.incidents
    where job like ${jobsOf[person.kind]} and ${mayTell(sql`concat_ws(' ', message, hint)`, person, redact)} for update`.execute(
    trx,
  )
  for (const { id, message, hint } of rows) {
    await sql`
      update ledger.incidents set message = ${redact.text(message)}, hint = ${hint && redact.text(hint)}
      where id = ${id}`.execute(trx)
  }
  count(tally, 'ledger.incidents', 'rewritten', rows.length)
}

/** What an operator has put down for a job to run with. */
async function redactSchedules(trx: Transaction<DB>, redact: Redact, tally: Tally): Promise<void> {
  const { rows } = await sql<{ job: string; params: unknown }>`
    select job, params from ledger.schedules where job like 'instagram%' for update`.execute(trx)
  for (const { job, params } of rows) {
    const left = redact.json(params)
    if (left === params) continue
    await sql`update ledger.schedules set params = ${JSON.stringify(left)}::jsonb where job = ${job}`.execute(
      trx,
    )
    count(tally, 'ledger.schedules', 'rewritten', 1)
  }
}
