import { type Database, type Statement, textArray } from "@entente/core";
import { type AskedOfProvider, type ChargeHistory, chargeFacts } from "../domain/owed-charge.ts";

/** What opens a hand-off; its id is the hand-off's. */
const handOffOpened = "entente.hand-off-opened";

const read: Statement = {
  name: "charge-history",
  // One statement, so that charge and refund are seen as of one moment: between two a refund could be opened, and be overlooked.
  text: `select j.type, j.process_id as "processId", case when j.type = $4 then '{}'::json else j.data end as data,
      h.purpose, h.state, h.in_doubt as doubt, h.effect_known as "effectKnown", h.withdrawn, h.released,
      exists (select from entente.fallout_case c where c.tenant_id = h.tenant_id and c.hand_off_id = h.hand_off_id
        and c.kind in ('contradiction', 'unwanted-effect') and c.closed_at is null) as disputed
    from entente.journal j left join entente.hand_off h on h.tenant_id = j.tenant_id and h.hand_off_id = j.id
    where j.process_id = $2 and j.process_id <> j.id and j.tenant_id = $1 and j.type = any($3::text[]) order by j.xid, j.seq`,
};

type Row = Record<string, unknown> & ChargeHistory["facts"][number] & (AskedOfProvider | { purpose: null });

/**
 * What the subscription has of a top-up's charge, and how far the provider has come with it; nothing of what is not there, or is another
 * tenant's. Indexes: journal_process, the primary key of the hand-offs, fallout_case_open.
 */
export async function readCharge(
  database: Database,
  tenantId: string,
  processId: string,
): Promise<ChargeHistory> {
  const types = textArray([...chargeFacts, handOffOpened]);
  const rows = await database.run<Row>(read, [tenantId, processId, types, handOffOpened]);
  return {
    facts: rows.filter(({ type }) => type !== handOffOpened),
    asked: rows.flatMap((row) => (row.purpose === null ? [] : [row as AskedOfProvider])),
  };
}
