import { erasePerson, tryToErase, type Erased } from '../../erase/erase-person.ts'
import { findPerson, type Kind } from '../../erase/find-person.ts'
import { Fault } from '../../errors.ts'
import type { Opened } from '../../open.ts'
import { plural } from '../format.ts'
import { plainTable } from '../plain-table.ts'
import { osAccount } from '../../os-account.ts'

/** Erases a person and says what that took out, or would take out. @throws Fault: `params` for a person that is not known here. */
export async function printErasure(
  { db, log, files }: Opened,
  kind: Kind,
  id: string,
  { dryRun = false }: { dryRun?: boolean },
): Promise<void> {
  const person = await findPerson(db, kind, id)
  const erased = dryRun
    ? await tryToErase(db, person)
    : await erasePerson({ db, log, files }, person, osAccount())
  const { erasureId, rows, cancelled } = erased
  const tables = Object.entries(rows).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const lines = [
    dryRun
      ? `${kind} ${id} would be erased; nothing was changed`
      : `${kind} ${id} is erased: erasure ${erasureId}`,
    tables.length === 0
      ? 'no row is left of them'
      : plainTable(
          ['table', 'deleted', 'rewritten'],
          tables.map(([table, { deleted, rewritten }]) => [table, deleted, rewritten]),
        ),
    ...(cancelled > 0
      ? [`${plural(cancelled, 'call')} that read them ${dryRun ? 'would be ' : ''}cancelled`]
      : []),
    ...filesLines(erased, dryRun),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
  if (!dryRun && erased.files.left.length > 0)
    throw new Fault('busy', `${plural(erased.files.left.length, 'file')} may still name them`, {
      hint: files
        ? 'their calls are under way: once they have ended, the same command writes them anew'
        : 'set MINIO_ENDPOINT, MINIO_ACCESS_KEY and MINIO_SECRET_KEY, then the same command again',
    })
}

function filesLines({ files: { rewritten, left } }: Erased, dryRun: boolean): string[] {
  if (!dryRun) return rewritten > 0 ? [`${plural(rewritten, 'file')} written anew`] : []
  return left.map(({ key }) => `would be written anew: ${key}`)
}
