import type { Connection, Statement } from "../postgres/database.ts";

/**
 * Purpose: what is still under way, by the treaty and the version of it that it was opened with.
 * A rejected hand-off is over: a person who takes it up makes it fallout first. The row as a document, because a release is checked against
 * databases that are older than it, and may lack the column.
 * Lock: none. Reads every open hand-off: for an operator before a release.
 */
const openVersions: Statement = {
  name: "hand-off-open-versions",
  text: `select h.treaty, to_jsonb(h)->>'treaty_version' as version, count(*)::float8 as open, min(h.created_at) as "oldestAt"
    from entente.hand_off h where h.state not in ('completed', 'cancelled', 'rejected') or h.rows_open > 0
    group by 1, 2 order by 1, 2`,
};

/** Open hand-offs of a context, of all tenants. */
export interface OpenVersion {
  readonly treaty: string;
  /** Null: opened before versions were recorded. */
  readonly version: string | null;
  readonly open: number;
  /** Epoch milliseconds, business time. */
  readonly oldestAt: number;
}

/** Every (treaty, version) that a context has hand-offs of which are not at their end. */
export function readOpenVersions(connection: Pick<Connection, "run">): Promise<OpenVersion[]> {
  return connection.run<OpenVersion & Record<string, unknown>>(openVersions);
}
