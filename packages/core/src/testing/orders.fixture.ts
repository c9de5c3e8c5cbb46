/** The orders system at work against a counterparty, with what tests ask about it. */

import assert from "node:assert/strict";
import { afterEach } from "node:test";
import type { System, SystemOptions } from "../context/system.ts";
import { wakeOthers } from "../context/wake-network.ts";
import { appendEntries } from "../journal/append.ts";
import type { NewEntry } from "../model/entry.ts";
import type { HandOff } from "../model/hand-off-record.ts";
import type { HandOffTreaty } from "../treaty/treaty.ts";
import type { CaseLine, TreatyEvent } from "../treaty/treaty-events.ts";
import { ordersSystem, outside } from "./billing-treaty.fixture.ts";
import type { Happenings } from "./happenings.fixture.ts";
import { databaseOf, type TestBed } from "./test-bed.fixture.ts";

export interface Orders {
  readonly name: string;
  readonly system: System;
  readonly happenings: Happenings;
  readonly told: readonly TreatyEvent[];
  /** Puts facts into the journal of orders, as its own decider would. */
  facts(...facts: readonly NewEntry[]): Promise<void>;
  all(): Promise<HandOff[]>;
  one(): Promise<HandOff>;
  /** Resolves once every hand-off is in one of the states, and there are so many. */
  settled(count: number, ...states: readonly HandOff["state"][]): Promise<HandOff[]>;
  /** Moves of a hand-off as the journal has them, in order. */
  moves(handOffId: string): Promise<string[]>;
  entries(
    type: string,
  ): Promise<{ id: string; kind: string; causationId: string | null; data: Record<string, unknown> }[]>;
  stop(): Promise<void>;
}

/** One system at a time: each holds connections of its own. Every case that was opened has been told by one line, whoever opened it. */
const running: { readonly system: System; readonly told: readonly TreatyEvent[] }[] = [];
afterEach(async () => {
  const systems = running.splice(0);
  const read = await Promise.all(systems.map(({ system }) => openedCases(system)));
  for (const { system } of systems) await system.stop();
  // Of several programs any may have opened a case; one that a test has stopped reads none any more.
  const cases = new Map(read.flatMap((found) => found ?? []).map(({ caseId, name }) => [caseId, name]));
  if (read.every((found) => found === null)) return;
  const lines = systems.flatMap(({ told }) =>
    told.flatMap((event) => (event.event === "case" && event.step === "opened" ? [nameOf(event)] : [])),
  );
  assert.deepEqual(lines.toSorted(), [...cases.values()].toSorted(), "lines about cases that were opened");
});

function nameOf(about: Pick<CaseLine, "tenantId" | "treaty" | "kind" | "handOffId">): string {
  return [about.tenantId, about.treaty, about.kind, about.handOffId ?? "-"].join(" ");
}

/** Null: it is stopped. */
async function openedCases(
  system: System,
): Promise<readonly { readonly caseId: string; readonly name: string }[] | null> {
  try {
    const rows = await databaseOf(system, "orders").execute<CaseRow>(
      `select case_id as "caseId", tenant_id as "tenantId", treaty, kind, hand_off_id as "handOffId"
       from entente.fallout_case`,
    );
    return rows.map((row) => ({ caseId: row.caseId, name: nameOf(row) }));
  } catch {
    return null;
  }
}

interface CaseRow
  extends Record<string, unknown>,
    Pick<CaseLine, "tenantId" | "treaty" | "kind" | "handOffId"> {
  readonly caseId: string;
}

export async function startOrders(
  bed: TestBed,
  treaties: readonly HandOffTreaty[],
  options: Partial<SystemOptions> & { readonly name?: string } = {},
): Promise<Orders> {
  const { name = bed.newName(), ...said } = options;
  const told: TreatyEvent[] = [];
  const { system, happenings } = await bed.start(ordersSystem(name, treaties), {
    ...said,
    outside: { ...outside(treaties), ...said.outside, report: (event) => void told.push(event) },
  });
  running.push({ system, told });
  const database = databaseOf(system, "orders");
  const states = [
    "created",
    "sent",
    "accepted",
    "completed",
    "rejected",
    "unknown",
    "retry_wait",
    "blocked",
    "fallout",
    "cancelled",
  ] as const;
  const all = async (): Promise<HandOff[]> => {
    const tenants = await database.execute<{ tenant: string }>(
      "select distinct tenant_id as tenant from entente.hand_off",
    );
    const lists = await Promise.all(
      tenants.map(({ tenant }) => system.treaties.handOffs("orders", tenant, states, null, 100_000)),
    );
    return lists.flat();
  };
  return {
    name,
    system,
    happenings,
    told,
    async facts(...facts) {
      for (let n = 0; n < facts.length; n += 500) await appendEntries(database, facts.slice(n, n + 500));
      await wakeOthers(database, ["orders"]);
    },
    all,
    async one() {
      const [only, ...more] = await all();
      if (only === undefined || more.length > 0)
        throw new Error(`one hand-off expected, found ${more.length + (only === undefined ? 0 : 1)}`);
      return only;
    },
    async settled(count, ...wanted) {
      await happenings.until(`${count} hand-offs in ${wanted.join(" or ")}`, async () => {
        const rows = await database.execute<{ n: number }>(
          "select count(*)::int as n from entente.hand_off where state = any($1::text[])",
          [wanted],
        );
        return rows[0]?.n === count;
      });
      return (await all()).filter(({ state }) => wanted.includes(state));
    },
    async moves(handOffId) {
      const rows = await database.execute<{ move: string }>(
        `select data->>'move' as move from entente.journal
         where data->>'handOffId' = $1 and kind = 'event' and data->>'move' is not null order by (data->>'version')::int`,
        [handOffId],
      );
      return rows.map(({ move }) => move);
    },
    entries: (type) =>
      database.execute(
        `select id, kind, causation_id as "causationId", data from entente.journal where type = $1 order by xid, seq`,
        [type],
      ),
    stop: () => system.stop(),
  };
}
