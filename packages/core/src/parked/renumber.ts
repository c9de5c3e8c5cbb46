import type { Connection } from "../postgres/database.ts";

/**
 * Puts what a consumer has set aside from a journal before everything the journal's successor holds, in the order it had:
 * positions of two histories cannot be compared, and a key's later entries must go on waiting behind its earlier ones.
 * In the transaction that resets the cursor, with `entente.parked` locked against writers.
 */
export async function renumberSetAside(
  connection: Connection,
  consumer: string,
  journal: string,
): Promise<void> {
  await connection.execute(
    `update entente.parked p set xid = '0', seq = o.place
     from (select entry_id, row_number() over (order by xid, seq) as place from entente.parked
           where consumer = $1 and journal = $2 and state not in ('done', 'discarded')) o
     where p.consumer = $1 and p.entry_id = o.entry_id`,
    [consumer, journal],
  );
}
