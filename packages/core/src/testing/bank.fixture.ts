/** The small system the specification tests of the runtime run: a front that accepts and a ledger that decides. */
import type { SystemDefinition } from "../context/definition.ts";
import type { Submission } from "../intake/intake.ts";
import type { Decider, Fact, ParkingPolicy } from "../model/decider.ts";
import type { Entry, JsonObject } from "../model/entry.ts";
import type { ProcessDefinition } from "../model/process.ts";
import type { Projection } from "../projection/projection.ts";

export interface Account {
  readonly balance: number;
}

/** What is broken in the ledger at the moment: commands that carry one of these marks make it throw. */
export type Poisoned = Set<string>;

type Order = {
  readonly amount: number;
  readonly mark?: string;
  readonly fact?: string;
  readonly forced?: boolean;
};
type Reminder = { readonly name: string; readonly dueAt: number; readonly says?: string };

const rule = (parking: ParkingPolicy) => ({ parking, schemaVersion: "1.0.0" });

/**
 * Accounts that may not be overdrawn. `bank.settle` is a deposit that holds its key when it is parked.
 * `data.fact` names another fact type, `data.forced` allows what the read model's constraint forbids.
 */
export function accountDecider(poisoned: Poisoned = new Set()): Decider<Account> {
  return {
    name: "account",
    commands: {
      "bank.deposit": rule("step-aside"),
      "bank.withdraw": rule("step-aside"),
      "bank.settle": rule("hold-key"),
      "bank.remind": rule("step-aside"),
      "bank.ring": rule("step-aside"),
    },
    // The last is a type that the journal refuses: a batch that fails when it is written.
    facts: [
      "bank.deposited",
      "bank.settled",
      "bank.withdrawn",
      "bank.reminder-set",
      "bank.reminder-rung",
      "bank.refused",
      "",
    ].map((type) => ({ type, schemaVersion: "1.0.0" })),
    refusalType: "bank.refused",
    initial: { balance: 0 },
    decide(state, command, context) {
      if (command.type === "bank.remind") {
        const { name, dueAt, says = "" } = command.data as Reminder;
        const timer = { name, dueAt, type: "bank.ring", data: { name, says } };
        return { facts: [{ type: "bank.reminder-set", data: { name, dueAt } }], timers: [timer] };
      }
      if (command.type === "bank.ring") {
        return { facts: [{ type: "bank.reminder-rung", data: { ...command.data, rungAt: context.now } }] };
      }
      const { amount, mark, fact, forced } = command.data as unknown as Order;
      if (mark !== undefined && poisoned.has(mark)) throw new Error(`poisoned by ${mark}`);
      if (command.type !== "bank.withdraw") {
        const type = fact ?? (command.type === "bank.settle" ? "bank.settled" : "bank.deposited");
        return { facts: [{ type, data: { amount, balance: state.balance + amount } }] };
      }
      if (forced !== true && amount > state.balance) {
        const fields = { missing: amount - state.balance };
        return {
          refused: true,
          code: "insufficient-funds",
          reason: "The account does not hold that much.",
          fields,
        };
      }
      return {
        facts: [{ type: "bank.withdrawn", data: { amount: -amount, balance: state.balance - amount } }],
      };
    },
    evolve: (state, fact: Fact) => ({ balance: state.balance + (Number(fact.data.amount) || 0) }),
  };
}

export const balanceProjection: Projection = {
  name: "balance",
  table: "bank.balance",
  facts: ["bank.deposited", "bank.settled", "bank.withdrawn"],
  async apply(connection, facts, table) {
    const given = JSON.stringify(
      facts.map(({ tenantId, key, data }) => ({ tenantId, key, amount: data.amount, left: data.balance })),
    );
    const rows = `json_to_recordset($1::json) as r("tenantId" text, key text, amount bigint, "left" bigint)`;
    await connection.run(
      {
        name: `balance-open-${table}`,
        text: `insert into ${table} (tenant_id, account, balance, facts)
          select distinct "tenantId", key, 0, 0 from ${rows} order by 1, 2 on conflict do nothing`,
      },
      [given],
    );
    await connection.run(
      {
        name: `balance-add-${table}`,
        // An overdraft shows even when a deposit follows in the same batch.
        text: `update ${table} b set facts = b.facts + n.facts, balance = case when n.lowest < 0 then -1 else b.balance + n.amount end
          from (select "tenantId", key, sum(amount) as amount, min("left") as lowest, count(*) as facts from ${rows} group by 1, 2) n
          where b.tenant_id = n."tenantId" and b.account = n.key`,
      },
      [given],
    );
  },
};

function oneStep(type: string, startedBy: string, confirmedBy: string): ProcessDefinition {
  const failed = (code: string, message: string) =>
    ({ state: "failed", steps: [], reason: { code, message }, outcome: null }) as const;
  return {
    type,
    startedBy,
    delayedAfterMs: 15_000,
    facts: [confirmedBy, "bank.refused", "entente.command-parked", "entente.command-discarded"],
    apply(view, fact: Entry) {
      if (view.state === "confirmed") return view;
      switch (fact.type) {
        case confirmedBy:
          return {
            state: "confirmed",
            steps: [{ name: confirmedBy, state: "done", at: fact.occurredAt }],
            reason: null,
            outcome: fact.data,
          };
        case "bank.refused":
          return failed(String(fact.data.code), String(fact.data.reason));
        case "entente.command-discarded":
          return failed("discarded", "We gave this up.");
        default:
          return fact.data.policy === "hold-key"
            ? { ...view, state: "processing" }
            : failed("processing-failed", `Quote ${fact.processId}.`);
      }
    },
  };
}

export const bankProcesses: readonly ProcessDefinition[] = [
  oneStep("deposit", "bank.deposit", "bank.deposited"),
  oneStep("withdrawal", "bank.withdraw", "bank.withdrawn"),
  oneStep("settlement", "bank.settle", "bank.settled"),
  oneStep("reminder", "bank.remind", "bank.reminder-set"),
];

export const bankMigrations = new URL("bank-migrations/", import.meta.url);

export function bank(name: string, poisoned: Poisoned = new Set()): SystemDefinition {
  return {
    name,
    contexts: [
      { name: "front", intake: { processes: bankProcesses, factsFrom: ["ledger"] } },
      {
        name: "ledger",
        migrations: bankMigrations,
        deciders: [{ decider: accountDecider(poisoned), commandsFrom: ["front"] }],
        projections: [balanceProjection],
      },
    ],
  };
}

let submissions = 0;

/** A command to the ledger as somebody outside submits it; everything unsaid has a default, and the key is a new one. */
export function submission(
  type: "deposit" | "withdraw" | "settle" | "remind" | (string & {}),
  key: string,
  data: JsonObject,
  said: Partial<Submission> = {},
): Submission {
  return {
    type: `bank.${type}`,
    schemaVersion: "1.0.0",
    target: "ledger",
    tenantId: "acme",
    key,
    customerId: null,
    caller: "teller",
    idempotencyKey: `key-${++submissions}`,
    traceparent: null,
    data,
    ...said,
  };
}
