/** Longer than 400 lines because all that a decider may do is specified over one bank. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SystemDefinition } from "../context/definition.ts";
import { type Decider, isRefusal } from "../model/decider.ts";
import { isFailure } from "../model/failure.ts";
import { deriveId } from "../model/id.ts";
import type { Projection } from "../projection/projection.ts";
import { accountDecider, bank, bankProcesses, submission } from "../testing/bank.fixture.ts";
import { command } from "../testing/entries.fixture.ts";
import { openTestBed, type Stage } from "../testing/test-bed.fixture.ts";
import { ledgerFacts, offer, putAside, startWorker } from "../testing/worker.fixture.ts";
import { type DeciderConsumerOptions, deciderConsumer } from "./decider-consumer.ts";

const bed = await openTestBed();
const newStage = () => bed.stage(bank(bed.newName()));
const twice = { attempts: 2, firstMs: 5, longestMs: 5 };

const deposit = (key: string, amount = 1) => command({ key, data: { amount } });
const withdraw = (key: string, amount: number) => command({ key, type: "bank.withdraw", data: { amount } });

/** A worker for a decider of the test's own. */
function deciding<State extends object>(
  stage: Stage,
  decider: Decider<State>,
  said: Partial<DeciderConsumerOptions> = {},
) {
  const front = {
    context: "front",
    database: stage.database("front", "reader"),
    reading: "everything",
  } as const;
  const options = { context: "ledger", sources: [front], now: Date.now, onFacts: () => {}, ...said };
  return startWorker(bed, stage, { retry: twice, definition: () => deciderConsumer(decider, options) });
}

test("commands of a batch are decided in order on the state the one before left, with dense versions per key", async () => {
  const stage = await newStage();
  const worker = await startWorker(bed, stage);
  const batch = Array.from({ length: 490 }, (_, n) => deposit(`a-${n % 7}`, n));
  await offer(stage, batch, worker);
  await worker.happenings.until("all decided", async () => (await ledgerFacts(stage)).length === 490);
  for (let key = 0; key < 7; key++) {
    const facts = await ledgerFacts(stage, `a-${key}`);
    assert.deepEqual(
      facts.map((fact) => fact.version),
      Array.from({ length: 70 }, (_, n) => n + 1),
    );
    assert.deepEqual(
      facts.map((fact) => fact.amount),
      Array.from({ length: 70 }, (_, n) => n * 7 + key),
    );
    assert.equal(
      facts.at(-1)?.balance,
      facts.reduce((sum, fact) => sum + fact.amount, 0),
    );
  }
  const transactions = await stage.database("ledger").execute("select distinct xid from entente.journal");
  assert.ok(transactions.length <= 8, `490 commands took ${transactions.length} transactions`);
});

test("states survive a restart: the next decision stands on everything decided before", async () => {
  const stage = await newStage();
  const first = await startWorker(bed, stage);
  await offer(stage, [deposit("a-1", 10), deposit("a-2", 5)], first);
  await first.happenings.until("decided", async () => (await ledgerFacts(stage)).length === 2);
  await first.stop();
  const second = await startWorker(bed, stage);
  await offer(stage, [withdraw("a-1", 4), withdraw("a-2", 6)], second);
  await second.happenings.until("decided", async () => (await ledgerFacts(stage)).length === 4);
  const [, withdrawn] = await ledgerFacts(stage, "a-1");
  const [, refused] = await ledgerFacts(stage, "a-2");
  assert.deepEqual([withdrawn?.type, withdrawn?.balance, withdrawn?.version], ["bank.withdrawn", 6, 2]);
  assert.deepEqual([refused?.type, refused?.version], ["bank.refused", 2]);
});

test("a refusal becomes a fact with code, reason and fields; it changes no balance and is nobody's failure", async () => {
  const stage = await newStage();
  const worker = await startWorker(bed, stage);
  await offer(stage, [deposit("a-1", 3), withdraw("a-1", 5), withdraw("a-1", 3)], worker);
  await worker.happenings.until("decided", async () => (await ledgerFacts(stage)).length === 3);
  assert.deepEqual(
    (await ledgerFacts(stage)).map((fact) => [fact.type, fact.version]),
    [
      ["bank.deposited", 1],
      ["bank.refused", 2],
      ["bank.withdrawn", 3],
    ],
  );
  const [refused] = await stage
    .database("ledger")
    .execute("select data from entente.journal where type = 'bank.refused'");
  assert.deepEqual(refused?.data, {
    code: "insufficient-funds",
    reason: "The account does not hold that much.",
    missing: 2,
  });
  assert.deepEqual(await putAside(stage), []);
});

test("a fact carries the identity of its command on: process, correlation, cause, customer, trace", async () => {
  const stage = await newStage();
  const worker = await startWorker(bed, stage);
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const cause = command({ correlationId: "order-7", customerId: "c-1", traceparent, data: { amount: 1 } });
  await offer(stage, [cause], worker);
  await worker.happenings.until("decided", async () => (await ledgerFacts(stage)).length === 1);
  const [fact] = await stage.database("ledger").execute(
    `select id, kind, source, target, process_id, correlation_id, causation_id, customer_id, traceparent, ttl_ms
     from entente.journal`,
  );
  assert.deepEqual(fact, {
    id: deriveId(cause.id, 0),
    kind: "event",
    source: "ledger",
    target: null,
    process_id: cause.processId,
    correlation_id: "order-7",
    causation_id: cause.id,
    customer_id: "c-1",
    traceparent,
    ttl_ms: null,
  });
});

test("a decision without facts leaves nothing behind, and the command is done", async () => {
  const stage = await newStage();
  const silent: Decider<{ readonly n: number }> = {
    ...accountDecider(),
    initial: { n: 0 },
    customerOf: () => null,
    decide: (_, { data }) => ({ facts: data.amount === 1 ? [] : [{ type: "bank.deposited", data: {} }] }),
    evolve: (state) => state,
  };
  const worker = await deciding(stage, silent);
  await offer(stage, [deposit("a-1", 1), deposit("a-2", 2)], worker);
  await worker.happenings.until("decided", async () => (await ledgerFacts(stage)).length === 1);
  await worker.stop();
  assert.deepEqual(await stage.database("ledger").execute("select key, version from entente.state"), [
    { key: "a-2", version: "1" },
  ]);
  assert.deepEqual(await putAside(stage), []);
});

test("several facts of one decision are recorded in order, each with an id and a version of its own", async () => {
  const stage = await newStage();
  const verbose: Decider<{ readonly n: number }> = {
    ...accountDecider(),
    initial: { n: 0 },
    customerOf: () => null,
    decide: ({ n }) => ({
      facts: [1, 2, 3].map((step) => ({ type: "bank.deposited", data: { amount: n + step } })),
    }),
    evolve: ({ n }) => ({ n: n + 1 }),
  };
  const worker = await deciding(stage, verbose);
  await offer(stage, [deposit("a-1"), deposit("a-1")], worker);
  await worker.happenings.until("decided", async () => (await ledgerFacts(stage)).length === 6);
  assert.deepEqual(
    (await ledgerFacts(stage)).map(({ version, amount }) => [version, amount]),
    [1, 2, 3, 4, 5, 6].map((n) => [n, n]),
  );
});

test("what a decider throws anywhere, or returns that cannot be stored, parks that command and no other", async () => {
  const stage = await newStage();
  const careless: Decider<{ readonly n: number }> = {
    ...accountDecider(),
    initial: { n: 0 },
    customerOf: () => null,
    decide(_, { data }) {
      const wrong: Record<string, unknown> = {
        "2": { facts: [{ type: "bank.deposited", data: { breaks: "evolve" } }] },
        "3": { facts: [{ type: "bank.deposited", data: undefined }] },
        "4": { facts: [{ type: "bank.deposited", data: { amount: 1n } }] },
        "5": undefined,
        "6": { facts: [{ type: "bank.deposited", data: {}, ttlMs: -1 }] },
        "7": { facts: [], timers: [{ name: "t", dueAt: Number.NaN, type: "bank.ring", data: {} }] },
        "8": { facts: [{ type: "bank.deposited", data: {}, ttlMs: 1.5 }] },
        "9": { facts: [{ type: "bank.deposited", data: {} }, undefined] },
        "10": { facts: [{ type: "bank.deposited", data: {} }], timers: { name: "not a list" } },
      };
      // What a decider without types may do: the runtime has to live with it.
      const amount = String(data.amount);
      return (
        amount in wrong ? wrong[amount] : { facts: [{ type: "bank.deposited", data: { amount: 1 } }] }
      ) as never;
    },
    evolve(state, fact) {
      if (fact?.data?.breaks === "evolve") throw new Error("cannot evolve");
      return { n: state.n + 1 };
    },
  };
  const worker = await deciding(stage, careless);
  const commands = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((amount) => deposit(`a-${amount}`, amount));
  await offer(stage, commands, worker);
  await worker.happenings.until("all but two are parked", () => worker.happenings.count("parked") === 9);
  await worker.happenings.until("two are decided", async () => {
    return (await ledgerFacts(stage)).filter((fact) => fact.type === "bank.deposited").length === 2;
  });
  const parked = (await putAside(stage)).filter((one) => one.state === "parked");
  assert.deepEqual(
    parked.map((one) => one.key),
    commands.slice(1, -1).map((one) => one.key),
  );
  assert.equal(worker.happenings.count("stopped"), 0);
});

test("more keys than are remembered are decided as well as few", async () => {
  const stage = await newStage();
  const worker = await deciding(stage, accountDecider(), {
    states: { remembered: 3, unwrittenMs: 0 },
  });
  for (let round = 1; round <= 3; round++) {
    await offer(
      stage,
      Array.from({ length: 20 }, (_, n) => deposit(`a-${n}`)),
      worker,
    );
    await worker.happenings.until("decided", async () => (await ledgerFacts(stage)).length === 20 * round);
  }
  for (let n = 0; n < 20; n++) {
    assert.deepEqual(
      (await ledgerFacts(stage, `a-${n}`)).map((fact) => fact.balance),
      [1, 2, 3],
    );
  }
});

/** Adds up notes of an account; a second authority in the same context. */
const notes: Decider<{ readonly notes: number }> = {
  name: "notes",
  commands: { "bank.note": { parking: "step-aside", schemaVersion: "1.0.0" } },
  facts: [
    { type: "bank.noted", schemaVersion: "1.0.0" },
    { type: "bank.note-refused", schemaVersion: "1.0.0" },
  ],
  refusalType: "bank.note-refused",
  initial: { notes: 0 },
  decide: ({ notes: before }) => ({ facts: [{ type: "bank.noted", data: { notes: before + 1 } }] }),
  evolve: (_, fact) => ({ notes: Number(fact.data.notes) }),
};

test("several deciders of one context each decide their own commands; the first answers for what nobody lists", async () => {
  const name = bed.newName();
  const [front, ledger] = bank(name).contexts as [
    SystemDefinition["contexts"][number],
    SystemDefinition["contexts"][number],
  ];
  const definition: SystemDefinition = {
    name,
    contexts: [
      front,
      {
        ...ledger,
        deciders: [
          ...(ledger.deciders ?? []),
          { decider: notes as Decider<object>, commandsFrom: ["front"] },
        ],
      },
    ],
  };
  const { system, happenings } = await bed.start(definition, {
    settings: { retryAttempts: 2, retryFirstMs: 5 },
  });
  await system.accept(submission("deposit", "a-1", { amount: 5 }));
  await system.accept(submission("note", "a-1", {}));
  await system.accept(submission("note", "a-1", {}));
  const unknown = await system.accept(submission("close-account", "a-1", {}));
  const parked = await happenings.heard("parked");
  assert.deepEqual([parked.consumer, parked.entryId], ["account", unknown.processId]);
  const types = () =>
    bed.sql(
      name,
      "ledger",
      "select type, key_version::int as version, data->>'notes' as notes from entente.journal where kind = 'event' order by type, xid, seq",
    );
  await happenings.until("both have decided", async () => (await types()).length === 4);
  assert.deepEqual(await types(), [
    { type: "bank.deposited", version: 1, notes: null },
    { type: "bank.noted", version: 1, notes: "1" },
    { type: "bank.noted", version: 2, notes: "2" },
    { type: "entente.command-parked", version: null, notes: null },
  ]);
  assert.equal(happenings.count("parked"), 1);
});

test("what a decision asks of another context is decided there once for each decision, in order and under the same key", async () => {
  const name = bed.newName();
  const [front, ledger] = bank(name).contexts as [
    SystemDefinition["contexts"][number],
    SystemDefinition["contexts"][number],
  ];
  const account = accountDecider() as Decider<object>;
  const asking: Decider<object> = {
    ...account,
    decide(state, command, context) {
      const decision = account.decide(state, command, context);
      if (isRefusal(decision)) return decision;
      const { amount = 0 } = command.data;
      const wish = { target: "archive", type: "bank.note", schemaVersion: "1.0.0", data: { amount } };
      return { ...decision, commands: [wish] };
    },
  };
  const noted: Decider<{ readonly notes: number }> = {
    ...notes,
    decide: (_state, { data }) => ({ facts: [{ type: "bank.noted", data: { notes: data.amount ?? 0 } }] }),
  };
  const { system, happenings } = await bed.start({
    name,
    contexts: [
      front,
      { ...ledger, deciders: [{ decider: asking, commandsFrom: ["front"] }] },
      { name: "archive", deciders: [{ decider: noted as Decider<object>, commandsFrom: ["ledger"] }] },
    ],
  });
  const sent: string[] = [];
  for (const amount of [5, 7, 11, 13]) {
    sent.push((await system.accept(submission("deposit", "a-1", { amount }))).processId);
  }
  await system.accept(submission("withdraw", "a-1", { amount: 1_000 }));
  const told = () =>
    bed.sql<{ process: string; notes: number }>(
      name,
      "archive",
      `select process_id as process, (data->>'notes')::int as notes from entente.journal
       where type = 'bank.noted' and tenant_id = 'acme' and key = 'a-1' order by key_version`,
    );
  await happenings.until("the archive has all", async () => (await told()).length === 4);
  assert.deepEqual(
    await told(),
    [5, 7, 11, 13].map((amount, n) => ({ process: sent[n], notes: amount })),
  );
  const asked = await bed.sql<{ kind: string; target: string | null }>(
    name,
    "ledger",
    `select kind, target from entente.journal where type in ('bank.deposited', 'bank.note') order by xid, seq`,
  );
  assert.deepEqual(
    asked.map(({ kind, target }) => [kind, target]),
    Array.from({ length: 4 }, () => [
      ["event", null],
      ["command", "archive"],
    ]).flat(),
  );
});

test("two deciders for one command type are refused at start", async () => {
  const name = bed.newName();
  const [front, ledger] = bank(name).contexts as [
    SystemDefinition["contexts"][number],
    SystemDefinition["contexts"][number],
  ];
  const rival = {
    decider: { ...accountDecider(), name: "rival" } as Decider<object>,
    commandsFrom: ["front"],
  };
  const contexts = [front, { ...ledger, deciders: [...(ledger.deciders ?? []), rival] }];
  await assert.rejects(bed.start({ name, contexts }), /two deciders for bank\.deposit/);
});

test("two consumers of one name are refused at start: they would share their place and skip each other's entries", async () => {
  const name = bed.newName();
  const [front, ledger] = bank(name).contexts as [
    SystemDefinition["contexts"][number],
    SystemDefinition["contexts"][number],
  ];
  const { name: decider } = accountDecider();
  const rival: Projection = {
    name: decider,
    table: "bank.rival",
    facts: ["bank.deposited"],
    apply: async () => {},
  };
  const contexts = [front, { ...ledger, projections: [...(ledger.projections ?? []), rival] }];
  await assert.rejects(
    bed.start({ name, contexts }),
    (error) =>
      isFailure(error, "consumer-named-twice") &&
      error.message.includes(`ledger has two consumers named ${decider}`),
  );
});

test("a context may accept and decide by itself: one journal, each command and each due timer decided once", async () => {
  const name = bed.newName();
  const definition: SystemDefinition = {
    name,
    contexts: [
      {
        name: "ledger",
        intake: { processes: bankProcesses, factsFrom: ["ledger"] },
        deciders: [{ decider: accountDecider() as Decider<object>, commandsFrom: ["ledger"] }],
      },
    ],
  };
  const { system, happenings } = await bed.start(definition, {
    settings: { retryAttempts: 2, retryFirstMs: 5 },
  });
  const { processId } = await system.accept(submission("deposit", "a-1", { amount: 5 }));
  await system.accept(submission("remind", "a-1", { name: "soon", dueAt: system.clock.now() - 1 }));
  await happenings.until(
    "confirmed",
    async () => (await system.processes.read("acme", processId))?.state === "confirmed",
  );
  const types = async () =>
    (
      await bed.sql<{ type: string }>(
        name,
        "ledger",
        "select type from entente.journal where kind = 'event' order by xid, seq",
      )
    ).map((row) => row.type);
  await happenings.until("it has rung", async () => (await types()).includes("bank.reminder-rung"));
  assert.deepEqual(await types(), ["bank.deposited", "bank.reminder-set", "bank.reminder-rung"]);
  assert.deepEqual(await bed.sql(name, "ledger", "select 1 from entente.parked"), []);
});

test("facts are announced once their commit is confirmed, as they were written, and those of a failed commit never", async () => {
  const stage = await newStage();
  const announced: string[] = [];
  let failing = true;
  const onFacts: DeciderConsumerOptions["onFacts"] = (facts) => {
    assert.equal(failing, false, "nothing was committed yet");
    announced.push(...facts.map((fact) => `${fact.id} ${JSON.stringify(fact.data)}`));
  };
  const front = {
    context: "front",
    database: stage.database("front", "reader"),
    reading: "everything",
  } as const;
  const definition = deciderConsumer(accountDecider(), {
    context: "ledger",
    sources: [front],
    now: Date.now,
    onFacts,
  });
  const worker = await startWorker(bed, stage, {
    definition: () => ({
      ...definition,
      async apply(connection, batch) {
        await definition.apply(connection, batch);
        // The connection is cut while the transaction is open, as when the database is restarted.
        if (failing) await connection.execute("select pg_terminate_backend(pg_backend_pid())");
      },
    }),
  });
  await offer(stage, [deposit("a-1", 3), deposit("a-2", 4)], worker);
  await worker.happenings.heard("unavailable");
  failing = false;
  worker.wakeUps.ring("front");
  await worker.happenings.until("decided", async () => (await ledgerFacts(stage)).length === 2);
  await worker.happenings.until("announced", async () => announced.length >= 2);
  const rows = await stage
    .database("ledger")
    .execute<{ id: string; data: object }>("select id, data from entente.journal order by xid, seq");
  assert.deepEqual(
    announced,
    rows.map((row) => `${row.id} ${JSON.stringify(row.data)}`),
  );
});
