import type { Batch } from "../consumer/batch.ts";
import type { ConsumerDefinition, ConsumerSource } from "../consumer/definition.ts";
import type { Entry, JsonObject } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import { handOffKey } from "../model/hand-off-key.ts";
import { bytesArray, textArray } from "../postgres/arrays.ts";
import type { Connection, Statement } from "../postgres/database.ts";
import { advanceHandOffs, type Surroundings, type Witnessed } from "./advance-hand-offs.ts";
import { rowKeyHash } from "./batch-rows.ts";
import { openHandOffs, type Wanted } from "./open-hand-offs.ts";
import { validatorOf } from "./schema-check.ts";
import type { HandOffTreaty, Subject } from "./treaty.ts";
import { type TreatyEvent, tellLater } from "./treaty-events.ts";
import { undo } from "./undo-hand-offs.ts";

/**
 * The opener: a consumer that asks each treaty what a fact means for it, and stores the intentions in the transaction of its
 * cursor. Before that commit nothing exists to be sent; after it, nothing is forgotten.
 */
export interface OpenerOptions {
  readonly around: Surroundings;
  readonly sources: readonly ConsumerSource[];
  /** Hand-offs or commands were committed. */
  readonly onOpened: () => void;
  readonly report: (event: TreatyEvent) => void;
}

export const openerName = "hand-off-opener";

export function handOffOpener(options: OpenerOptions): ConsumerDefinition {
  const { around } = options;
  const told = tellLater(options.report);
  const treaties = [...around.treaties.values()];
  const facts = new Set(treaties.flatMap((treaty) => treaty.facts));
  const ordered = new Set(
    treaties.filter(({ order }) => order === "per-key").flatMap((treaty) => treaty.facts),
  );
  const validators = new Map(treaties.map((treaty) => [treaty.name, validatorOf(treaty.input)]));

  function wantedBy(treaty: HandOffTreaty, fact: Entry): Wanted[] {
    return treaty.request(fact).map((request) => {
      const problem = validators.get(treaty.name)?.(request.data);
      if (problem != null) {
        throw new Failure(
          "defect",
          "request-invalid",
          `${treaty.name} would send what its input schema forbids: ${problem}`,
          {
            fields: { treaty: treaty.name, factId: fact.id },
          },
        );
      }
      const { tenantId, processId, correlationId, customerId, traceparent, id: causationId } = fact;
      // The schema has let it pass, and what is sent is an object.
      const checked = { ...request, data: request.data as JsonObject };
      return {
        treaty,
        tenantId,
        key: request.key ?? fact.key,
        processId,
        correlationId,
        causationId,
        customerId,
        traceparent,
        request: checked,
      };
    });
  }

  async function apply(connection: Connection, batch: Batch): Promise<void> {
    told.forget();
    const wanted: Wanted[] = [];
    const unwanted: Withdrawal[] = [];
    for (const fact of batch.entries) {
      if (batch.blocked(fact)) continue;
      const concerned = treaties.filter(
        (treaty) => treaty.facts.includes(fact.type) && treaty.factsFrom.includes(fact.source),
      );
      try {
        const own = concerned.flatMap((treaty) => wantedBy(treaty, fact));
        const withdrawn = concerned.flatMap((treaty) =>
          (treaty.withdraws?.(fact) ?? []).map((subject) => ({ treaty, fact, subject })),
        );
        // Nothing of a fact for which a treaty threw anywhere above has been kept.
        wanted.push(...own);
        unwanted.push(...withdrawn);
      } catch (error) {
        batch.stall(fact, error);
      }
    }
    const { lines } = await openHandOffs(connection, around, wanted);
    told.keep(() => lines);
    told.keep(await withdrawHandOffs(connection, around, unwanted));
  }

  return {
    name: openerName,
    sources: options.sources,
    wants: (entry) => entry.kind === "event" && facts.has(entry.type),
    policy: (entry) => (ordered.has(entry.type) ? "hold-key" : "step-aside"),
    apply,
    committed() {
      told.tell();
      options.onOpened();
    },
    forget: told.forget,
  };
}

interface Withdrawal {
  readonly treaty: HandOffTreaty;
  readonly fact: Entry;
  readonly subject: Subject;
}

const bySubject: Statement = {
  name: "hand-off-by-subject",
  text: `select h.tenant_id as "tenantId", h.hand_off_id as "handOffId", n.place::int as place
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) with ordinality
      as n(tenant_id, treaty, aggregate_type, aggregate_id, line, place)
    join entente.hand_off h on h.tenant_id = n.tenant_id and h.aggregate_type = n.aggregate_type
      and h.aggregate_id = n.aggregate_id and h.treaty = n.treaty and h.line is not distinct from n.line`,
};

const byRow: Statement = {
  name: "hand-off-by-row",
  text: `select r.tenant_id as "tenantId", r.hand_off_id as "handOffId", n.place::int as place
    from unnest($1::text[], $2::text[], $3::bytea[]) with ordinality as n(tenant_id, target, key_hash, place)
    join entente.hand_off_row r using (tenant_id, target, key_hash)`,
};

/** Withdraws acts: single ones, and rows of batches. */
async function withdrawHandOffs(
  connection: Connection,
  around: Surroundings,
  withdrawals: readonly Withdrawal[],
): Promise<() => TreatyEvent[]> {
  const alone = withdrawals.filter(({ treaty }) => treaty.batch === undefined);
  const rows = withdrawals.filter(({ treaty }) => treaty.batch !== undefined);
  const witnessed = [
    ...(await actsToWithdraw(connection, alone)),
    ...(await rowsToWithdraw(connection, rows)),
  ];
  if (witnessed.length === 0) return () => [];
  const advanced = await advanceHandOffs(connection, around, witnessed);
  const undone = await undo(connection, around, advanced.unwanted);
  return () => [...advanced.lines(), ...undone];
}

interface Found extends Record<string, unknown> {
  readonly tenantId: string;
  readonly handOffId: string;
  /** In the list asked with, from 1. */
  readonly place: number;
}

async function actsToWithdraw(
  connection: Connection,
  withdrawals: readonly Withdrawal[],
): Promise<Witnessed[]> {
  if (withdrawals.length === 0) return [];
  const found = await connection.run<Found>(bySubject, [
    textArray(withdrawals.map(({ fact }) => fact.tenantId)),
    textArray(withdrawals.map(({ treaty }) => treaty.name)),
    textArray(withdrawals.map(({ subject }) => subject.aggregateType)),
    textArray(withdrawals.map(({ subject }) => subject.aggregateId)),
    textArray(withdrawals.map(({ subject }) => subject.line)),
  ]);
  return found.map(({ tenantId, handOffId, place }) => ({
    tenantId,
    handOffId,
    seen: { what: "withdrawn" },
    cause: { by: "domain", entryId: withdrawals[place - 1]?.fact.id ?? null },
  }));
}

async function rowsToWithdraw(
  connection: Connection,
  withdrawals: readonly Withdrawal[],
): Promise<Witnessed[]> {
  if (withdrawals.length === 0) return [];
  const keys = withdrawals.map(({ treaty: { target, purpose }, fact: { tenantId }, subject }) =>
    handOffKey({ tenantId, ...subject, target, purpose }, 1),
  );
  const found = await connection.run<Found>(byRow, [
    textArray(withdrawals.map(({ fact }) => fact.tenantId)),
    textArray(withdrawals.map(({ treaty }) => treaty.target)),
    bytesArray(keys.map(rowKeyHash), 16),
  ]);
  return found.map(({ tenantId, handOffId, place }) => ({
    tenantId,
    handOffId,
    seen: { what: "row-withdrawn", key: keys[place - 1] ?? "" },
    cause: { by: "domain", entryId: withdrawals[place - 1]?.fact.id ?? null },
  }));
}
