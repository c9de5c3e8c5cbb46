import type { JsonObject } from "../model/entry.ts";
import { uuidArray } from "../postgres/arrays.ts";
import type { Connection, Statement } from "../postgres/database.ts";

const openings: Statement = {
  name: "hand-off-requests",
  text: "select id, data->'request' as request from entente.journal where id = any($1::uuid[])",
};

/** What single hand-offs asked for, by hand-off, as their opening entries have it. Nothing is read for none. */
export async function readRequests(
  connection: Connection,
  handOffIds: readonly string[],
): Promise<ReadonlyMap<string, JsonObject>> {
  if (handOffIds.length === 0) return new Map();
  const ids = [...new Set(handOffIds)];
  const rows = await connection.run<{ id: string; request: JsonObject | null }>(openings, [uuidArray(ids)]);
  return new Map(rows.flatMap(({ id, request }) => (request === null ? [] : [[id, request]])));
}
