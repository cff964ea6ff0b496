import { sql } from 'kysely'
import type { Check } from './check.ts'
import { rowsAsUsual } from './rows-as-usual.ts'

export const crmChecks: readonly Check[] = [
  rowsAsUsual,
  {
    name: 'contacts-with-a-channel',
    title: 'contacts with neither phone nor e-mail are at most 15 %',
    sql: () => sql`
      select case when contacts > 0 then without <= contacts * 0.15 end as holds,
        format('%s of %s contacts have neither', without, contacts) as found
      from (
        select count(*) as contacts, count(*) filter (where not exists (select from contact_channels k
          where k.source = c.source and k.contact_external_id = c.external_id)) as without
        from contacts c where source = 'amocrm' and deleted_at is null and missing_since is null
      ) counted`,
  },
]
