/** Batches as the conformance suite asks for them and sees them: facts that travel together, and what became of each row. */
import type { JsonObject, RowOutcome } from "@entente/core";
import { laneOf } from "@entente/core/internal";

export interface StageRow {
  readonly idempotencyKey: string;
  /** Of the fact that asked for it. */
  readonly factId: string;
  readonly outcome: RowOutcome;
  readonly code: string | null;
}

/**
 * Ids of examples whose facts are read together whatever process reads them, because their keys share a lane; the same ones for
 * every tenant. Pure.
 */
export function idsOfRows(
  base: string,
  rows: number,
  tenants: readonly string[],
  keyOf: (id: string) => string,
): string[] {
  const lanes = (id: string): string => tenants.map((tenant) => laneOf(tenant, keyOf(id))).join(" ");
  const wanted = lanes(`${base}-0`);
  const ids: string[] = [];
  for (let n = 0; ids.length < rows; n++) if (lanes(`${base}-${n}`) === wanted) ids.push(`${base}-${n}`);
  return ids;
}

export interface RowsOfBatches {
  /** The batch that carries what a fact asked for, or that has this id itself; null as long as there is none. */
  handOffOf(factId: string): Promise<string | null>;
  of(handOffId: string): Promise<readonly StageRow[]>;
}

export function openRowsOfBatches(
  execute: <Row extends Record<string, unknown>>(text: string, values: unknown[]) => Promise<Row[]>,
): RowsOfBatches {
  const known = new Map<string, string>();
  return {
    async handOffOf(factId) {
      const found = known.get(factId);
      if (found !== undefined) return found;
      const [opening] = await execute<{ id: string }>(
        `select id from entente.journal where type = 'entente.hand-off-opened'
           and (id = $1 or data::jsonb @> jsonb_build_object('rows', jsonb_build_array(jsonb_build_object('factId', $1::text))))`,
        [factId],
      );
      if (opening === undefined) return null;
      known.set(factId, opening.id);
      return opening.id;
    },
    async of(handOffId) {
      const [opening] = await execute<{ data: JsonObject }>(
        "select data from entente.journal where id = $1 and type = 'entente.hand-off-opened'",
        [handOffId],
      );
      const outcomes = await execute<{ outcome: RowOutcome; code: string | null }>(
        "select outcome, code from entente.hand_off_row where hand_off_id = $1 order by row",
        [handOffId],
      );
      const rows = opening?.data.rows as unknown as readonly { idempotencyKey: string; factId: string }[];
      return outcomes.map(({ outcome, code }, n) => {
        const { idempotencyKey = "", factId = "" } = rows[n] ?? {};
        return { idempotencyKey, factId, outcome, code };
      });
    },
  };
}
