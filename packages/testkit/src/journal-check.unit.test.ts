import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientRecord } from "./client-journal.ts";
import { checkJournal, countJournal, type LedgerFact, type ViolationCode } from "./journal-check.ts";
import { honestRun } from "./journal-run.fixture.ts";
import { seededRandom } from "./seeded-random.ts";

/** Sent at n, answered at n + 1 unless said otherwise, as process p-n. */
function sent(n: number, more: Partial<ClientRecord> = {}): ClientRecord {
  const base = { key: `k-${n}`, account: "a", sentAt: n, sentOrder: n, answeredOrder: n + 1 };
  return { ...base, outcome: "accepted", processId: `p-${n}`, ...more };
}

function unanswered(n: number, more: Partial<ClientRecord> = {}): ClientRecord {
  return sent(n, { outcome: "unknown", answeredOrder: null, processId: null, ...more });
}

/** The effect of process p-n at place n. */
function effect(n: number, more: Partial<LedgerFact> = {}): LedgerFact {
  return { processId: `p-${n}`, account: "a", type: "confirmed", order: n, acceptedOrder: n, ...more };
}

function expectCodes(records: ClientRecord[], facts: LedgerFact[], ...codes: ViolationCode[]): void {
  const found = checkJournal(records, facts);
  assert.deepStrictEqual(
    found.map((violation) => violation.code),
    codes,
    found.map((violation) => violation.text).join("\n"),
  );
}

test("a run in order has no violations", () => {
  expectCodes([sent(10), sent(20), sent(30)], [effect(10), effect(20, { type: "refused" }), effect(30)]);
  expectCodes([], []);
});

test("an accepted command without an effect is lost", () => {
  expectCodes([sent(10), sent(20)], [effect(10)], "accepted-lost");
  expectCodes([sent(10, { processId: null })], [], "accepted-lost");
  const [violation] = checkJournal([sent(10)], []);
  assert.match(violation?.text ?? "", /Key k-10 of a, sent at 1970-.* was accepted as process p-10/);
});

test("a second effect of one process is a doubled effect", () => {
  expectCodes([sent(10)], [effect(10), effect(10, { order: 11, acceptedOrder: null })], "effect-doubled");
  expectCodes([sent(10)], [effect(10), effect(10, { order: 11, type: "failed" })], "effect-doubled");
});

test("an effect nobody asked for is a phantom", () => {
  expectCodes([sent(10)], [effect(10), effect(20)], "effect-phantom");
  expectCodes([sent(10)], [effect(10), effect(5)], "effect-phantom");
  expectCodes([], [effect(1)], "effect-phantom");
});

test("a refused command with an effect was executed all the same", () => {
  expectCodes([sent(10, { outcome: "refused", processId: null })], []);
  expectCodes([sent(10, { outcome: "refused" })], [effect(10)], "refused-executed");
  // Nobody was told of the process: it cannot be put down to anybody.
  expectCodes([sent(10, { outcome: "refused", processId: null })], [effect(10)], "effect-phantom");
});

test("an unanswered command may have one effect or none", () => {
  expectCodes([unanswered(10)], []);
  expectCodes([unanswered(10)], [effect(10)]);
  expectCodes([unanswered(10)], [effect(10), effect(11)], "effect-phantom");
  expectCodes([unanswered(10, { processId: "p-10" })], [effect(10)]);
  expectCodes([unanswered(10, { processId: "p-10" })], [effect(10), effect(11)], "effect-phantom");
  expectCodes([unanswered(10, { account: "b" })], [effect(10)], "effect-phantom");
});

test("one effect of an unanswered command is doubled when it stands twice", () => {
  expectCodes([unanswered(10)], [effect(10), effect(10, { order: 12 })], "effect-doubled");
});

test("a key asked for again is one command, not two", () => {
  const lost = unanswered(10);
  expectCodes([lost, sent(20, { key: "k-10", processId: "p-10" })], [effect(10)]);
  // The first request was answered after all: its effect is the second one's.
  expectCodes(
    [lost, sent(20, { key: "k-10", processId: "p-10" })],
    [effect(10), effect(11)],
    "effect-phantom",
  );
  const tooMany = sent(10, { outcome: "refused", processId: null });
  expectCodes([tooMany, sent(20, { key: "k-10", processId: "p-10" })], [effect(10)]);
  expectCodes([tooMany, sent(20, { key: "k-10", processId: "p-10" })], [], "accepted-lost");
  expectCodes([lost, sent(20, { key: "k-10", outcome: "refused", processId: null })], [effect(10)]);
});

test("a key that was given two processes is split", () => {
  expectCodes([sent(10), sent(20, { key: "k-10" })], [effect(10)], "key-split");
  expectCodes([sent(10), sent(20, { key: "k-10" })], [effect(10), effect(20)], "key-split");
});

test("a process that was given to two keys is shared", () => {
  expectCodes([sent(10), sent(20, { processId: "p-10" })], [effect(10)], "process-shared");
});

test("an effect on another account than the command's is mixed up", () => {
  expectCodes([sent(10)], [effect(10, { account: "b" })], "account-mixed");
});

test("two effects in one place are not in order", () => {
  expectCodes(
    [sent(10), sent(10.5, { answeredOrder: 99, key: "k" })],
    [effect(10), effect(10.5, { order: 10 })],
    "place-shared",
  );
});

test("effects out of the order of acceptance are found, once per inversion", () => {
  const together = [1, 2, 3, 4].map((n) => sent(n, { answeredOrder: 100 + n }));
  expectCodes(together, [effect(1), effect(2), effect(3), effect(4)]);
  expectCodes(
    together,
    [effect(1), effect(2, { order: 3 }), effect(3, { order: 2 }), effect(4)],
    "acceptance-order",
  );
  // What came in between without a known acceptance hides nothing.
  expectCodes(
    together,
    [
      effect(2, { order: 1 }),
      effect(3, { order: 2, acceptedOrder: null }),
      effect(1, { order: 3 }),
      effect(4),
    ],
    "acceptance-order",
  );
  expectCodes(
    together,
    [effect(1), effect(2, { acceptedOrder: 1 }), effect(3), effect(4)],
    "acceptance-order",
  );
});

test("other accounts have an order of their own", () => {
  expectCodes(
    [sent(10), sent(20, { account: "b" })],
    [effect(10, { order: 5 }), effect(20, { account: "b", order: 1 })],
  );
});

test("what was answered before another was sent has its effect before it", () => {
  const facts = [
    effect(10, { order: 2, acceptedOrder: null }),
    effect(20, { order: 1, acceptedOrder: null }),
  ];
  expectCodes([sent(10), sent(20)], facts, "real-time-order");
  expectCodes([sent(10, { answeredOrder: 19 }), sent(20)], facts, "real-time-order");
  expectCodes([sent(10, { answeredOrder: 21 }), sent(20)], facts);
  // The repeat was sent later, but the first request may have been the one that counted.
  expectCodes([sent(10, { answeredOrder: 15 }), unanswered(12, { key: "k-20" }), sent(20)], facts);
  // A refused first request cannot have counted.
  const refused = sent(12, { key: "k-20", outcome: "refused", processId: null });
  expectCodes([sent(10, { answeredOrder: 15 }), refused, sent(20)], facts, "real-time-order");
});

test("an unanswered command has no effect before those answered before it was sent", () => {
  const first = effect(10, { order: 2, acceptedOrder: null });
  const unknown = effect(99, { order: 1, acceptedOrder: null });
  expectCodes([sent(10), unanswered(9)], [first, unknown]);
  expectCodes([sent(10), unanswered(20)], [first, unknown], "real-time-order");
  expectCodes([sent(10), unanswered(20), unanswered(9)], [first, unknown]);
  expectCodes([sent(10), unanswered(20, { processId: "p-99" })], [first, unknown], "real-time-order");
});

test("counts tell what a run really contained", () => {
  const records = [
    sent(10),
    unanswered(20),
    unanswered(30),
    unanswered(40),
    sent(50, { key: "k-40", processId: "p-40" }),
    sent(60, { outcome: "refused", processId: null }),
  ];
  const facts = [effect(10), effect(33, { type: "failed" }), effect(40, { type: "refused" })];
  expectCodes(records, facts);
  assert.deepStrictEqual(countJournal(records, facts), {
    accepted: 2,
    refused: 1,
    unknown: 2,
    repeated: 1,
    unknownExecuted: 1,
    confirmedEffects: 1,
    refusedEffects: 1,
    failedEffects: 1,
    orderedInRealTime: 4,
  });
});

test("honest runs are never accused, and every bug planted into one is caught", (t) => {
  const seed = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000);
  t.diagnostic(`seed ${seed}`);
  const caught = new Set<ViolationCode>();
  for (let round = 0; round < 40; round++) {
    const { records, facts } = honestRun(seed + round, 300, 5);
    expectCodes(records, facts);
    const random = seededRandom(seed + round);
    const accepted = new Map(
      records.filter((one) => one.outcome === "accepted").map((one) => [one.processId, one] as const),
    );
    const own = facts.filter((fact) => accepted.has(fact.processId));
    const victim = own[random.below(own.length)]!;
    const others = facts.filter((fact) => fact !== victim);
    const last = Math.max(...facts.map((fact) => fact.order)) + 1;
    const record = accepted.get(victim.processId)!;
    // Of a command that was asked for again, the first request may have been the one that counted.
    const sentFirst = Math.min(
      ...records.filter(({ key }) => key === record.key).map(({ sentOrder }) => sentOrder),
    );
    /** First of its account whose answer came before the victim was first sent. */
    const earlier = own.find((fact) => {
      const { answeredOrder } = accepted.get(fact.processId)!;
      return fact.account === victim.account && answeredOrder !== null && answeredOrder < sentFirst;
    });
    const planted: [ViolationCode, ClientRecord[], LedgerFact[]][] = [
      ["accepted-lost", records, others],
      ["effect-doubled", records, [...facts, { ...victim, order: last, acceptedOrder: null }]],
      ["effect-phantom", records, [...facts, { ...victim, processId: "p-0", account: "account-nobody" }]],
      [
        "refused-executed",
        records.map((one) => (one.key === record.key ? { ...one, outcome: "refused" } : one)),
        facts,
      ],
      ["key-split", [...records, { ...record, processId: "other" }], facts],
      ["process-shared", [...records, { ...record, key: "other" }], facts],
      ["account-mixed", records, [...others, { ...victim, account: "account-other" }]],
      ["place-shared", records, [...facts, { ...victim, processId: "p-0", acceptedOrder: null }]],
      ["acceptance-order", records, [...others, { ...victim, acceptedOrder: 0 }]],
      ["real-time-order", records, [...others, { ...victim, order: (earlier?.order ?? 0) - 0.5 }]],
    ];
    for (const [code, plantedRecords, plantedFacts] of planted) {
      const codes = new Set(checkJournal(plantedRecords, plantedFacts).map((violation) => violation.code));
      // In these two the run may leave no room for the bug: nothing comes before the victim.
      const mayBeHonest =
        (code === "real-time-order" && earlier === undefined) ||
        (code === "acceptance-order" &&
          !facts.some((fact) => fact.account === victim.account && fact.order < victim.order));
      if (mayBeHonest) continue;
      assert.ok(
        codes.has(code),
        `round ${round}: ${code} was not caught, only ${[...codes].join(", ") || "nothing"}`,
      );
      caught.add(code);
    }
  }
  assert.equal(caught.size, 10);
});

test("a hundred thousand commands of one account are compared in a moment", () => {
  const { records, facts } = honestRun(1, 100_000, 1);
  const start = performance.now();
  expectCodes(records, facts);
  // Comparing every pair would take minutes; 20 s leaves room for a busy machine.
  assert.ok(performance.now() - start < 20_000);
});
