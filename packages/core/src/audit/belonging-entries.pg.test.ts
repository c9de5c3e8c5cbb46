/** Bundles of one process whose acts were handed to counterparties, alone and together with those of another customer. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { System } from "../context/system.ts";
import { withAudit } from "../context/with-audit.ts";
import { appendEntries } from "../journal/append.ts";
import { newId } from "../journal/new-id.ts";
import type { NewEntry } from "../model/entry.ts";
import { auditKey, verifierOf } from "../testing/audit.fixture.ts";
import { billingReady, billingTreaty, ordersSystem, outside } from "../testing/billing-treaty.fixture.ts";
import { type Counterparty, startCounterparty } from "../testing/counterparty.fixture.ts";
import { fact } from "../testing/entries.fixture.ts";
import type { Happenings } from "../testing/happenings.fixture.ts";
import { quick } from "../testing/retention.fixture.ts";
import { databaseOf, openTestBed } from "../testing/test-bed.fixture.ts";
import type { BundleSelection, EntryLine } from "./bundle.ts";
import { exportBundle } from "./export-bundle.ts";
import { decodeLeaf, type Leaf, type Payload } from "./leaf.ts";
import { verifyBundle } from "./verify-bundle.ts";

const bed = await openTestBed();
const folder = await mkdtemp(join(tmpdir(), "belonging-"));
bed.atEnd(() => rm(folder, { recursive: true, force: true }));
const verifier = fileURLToPath(
  new URL("../../../../examples/verify-audit-bundle/verify.ts", import.meta.url),
);
let counterparty: Counterparty;
let system: System;
let happenings: Happenings;

before(async () => {
  counterparty = await startCounterparty();
  bed.atEnd(() => counterparty.close());
  // Charges end by a callback, one by one; billing is told in batches and answers at once.
  counterparty.behave = (key) => (key.includes(":charges:") ? "accept" : "done");
  const times = { resultWithinMs: 600_000, reconcileEveryMs: 600_000 };
  const charges = {
    name: "charges",
    target: "charges",
    purpose: "charge",
    facts: ["orders.charge-due"],
  } as const;
  const treaties = [
    billingTreaty({ counterparty, times, over: { batch: { rowsAllowed: 2 } } }),
    billingTreaty({ counterparty, times, ...charges }),
  ];
  ({ system, happenings } = await bed.start(withAudit(ordersSystem(bed.newName(), treaties)), {
    auditSigning: { key: auditKey, lastSignedFile: join(folder, "last-signed") },
    outside: outside(treaties),
    settings: quick,
  }));
});

/** Somebody with an order, in a process of their own. */
interface Buyer {
  readonly processId: string;
  readonly orderId: string;
  readonly customerId: string;
  readonly amount: number;
}

let buyers = 0;
function newBuyer(): Buyer {
  const n = ++buyers;
  return {
    processId: newId(Date.now()),
    orderId: `ord-${n}00`,
    customerId: `cust-${n}00`,
    amount: n * 11_111,
  };
}

const said = ({ processId, customerId }: Buyer) => ({ processId, correlationId: processId, customerId });
const billed = (buyer: Buyer, line = "1"): NewEntry =>
  billingReady(buyer.orderId, said(buyer), { amount: buyer.amount, line });
const charged = ({ orderId, amount, ...buyer }: Buyer): NewEntry =>
  fact({
    ...said({ orderId, amount, ...buyer }),
    type: "orders.charge-due",
    source: "orders",
    key: orderId,
    data: { orderId, amount },
  });
const rowKey = ({ orderId }: Buyer, line = "1") => `acme:order:${orderId}:=${line}:billing:activate:1`;

/** Facts in one transaction; resolves once every hand-off has ended, callbacks were heard, and all of it is logged and signed. */
async function happened(...facts: readonly NewEntry[]): Promise<void> {
  const orders = databaseOf(system, "orders");
  const audit = databaseOf(system, "audit");
  const opened = "select count(*)::int as n from entente.journal where type = 'entente.hand-off-opened'";
  const [before] = await orders.execute<{ n: number }>(opened);
  await appendEntries(orders, facts);
  const charges = facts.filter(({ type }) => type === "orders.charge-due");
  const openIn = async (...states: string[]) => {
    const [row] = await orders.execute<{ n: number }>(
      "select count(*)::int as n from entente.hand_off where state = any($1::text[])",
      [states],
    );
    return row?.n;
  };
  await happenings.until("charges are taken in", async () => (await openIn("accepted")) === charges.length);
  for (const { key } of charges) {
    const { headers, rawBody } = counterparty.callback(
      "acme",
      `acme:order:${key}:=1:charges:charge:1`,
      "DONE",
    );
    const receipt = await system.treaties.receiveCallback("charges", headers, rawBody, "192.0.2.7");
    assert.equal(receipt.outcome, "received");
  }
  await happenings.until("every act has ended and is signed", async () => {
    const [acts] = await orders.execute<{ n: number }>(opened);
    // Acts of earlier tests have ended long ago.
    if (acts === undefined || acts.n <= (before?.n ?? 0)) return false;
    if ((await openIn("completed")) !== acts.n) return false;
    const rows = await orders.execute<{ n: number }>(
      "select count(*)::int as n from entente.hand_off_row where outcome = 'open'",
    );
    if (rows[0]?.n !== 0) return false;
    const [journal] = await orders.execute<{ n: number }>(
      "select count(*)::int as n from entente.journal where tenant_id = 'acme'",
    );
    const [signed] = await audit.execute<{ n: number }>(
      "select coalesce(max(size), 0)::int as n from entente.audit_checkpoint where tenant_id = 'acme'",
    );
    return signed?.n === journal?.n;
  });
}

interface Given {
  /** Everything of the bundle that can be read, with what base64 hides. */
  readonly text: string;
  readonly entries: readonly { readonly leaf: Leaf; readonly payload: Payload | null }[];
  readonly closed: number;
  readonly readme: string;
}

let bundles = 0;
/** As it is given over HTTP, verified by us and by the verifier that uses nothing of ours. */
async function bundleOf(selection: BundleSelection): Promise<Given> {
  const audit = system.audit;
  assert.ok(audit);
  const files = await audit.bundle("acme", selection);
  const to = await mkdtemp(join(folder, `bundle-${++bundles}-`));
  for (const [name, text] of Object.entries(files)) await writeFile(join(to, name), text);
  const report = await verifyBundle(to, { verifier: verifierOf("acme") });
  assert.deepEqual(report.findings, []);
  const key = (await readFile(join(to, "key.txt"), "utf8")).trim();
  const { status, stdout } = spawnSync(process.execPath, [verifier, to, key], { encoding: "utf8" });
  assert.deepEqual([status, stdout], [0, `verified: ${report.entries} entries\n`]);
  const lines = (files["entries.jsonl"] ?? "")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as EntryLine);
  const entries = lines.map(({ leaf, payload }) => ({
    leaf: decodeLeaf(Buffer.from(leaf, "base64")) as Leaf,
    payload: payload === null ? null : (JSON.parse(payload) as Payload),
  }));
  const hidden = entries.map(({ leaf }) => JSON.stringify(leaf));
  const text = [...Object.values(files), ...hidden].join("\n");
  return { text, entries, closed: report.closed, readme: files["README.md"] ?? "" };
}

const typesOf = ({ entries }: Given) => entries.map(({ leaf }) => leaf.type).sort();
const open = ({ entries }: Given, type: string) =>
  entries.flatMap(({ leaf, payload }) => (leaf.type === type && payload !== null ? [payload] : []));
const saysNothingOf = ({ text }: Given, { processId, orderId, customerId, amount }: Buyer) => {
  for (const word of [processId, orderId, customerId, String(amount)])
    assert.ok(!text.includes(word), `the bundle says ${word}`);
};

test("the bundle of a process holds its rows' batch and its callback, and nothing that can be read of the other customer in the batch", async () => {
  const [ann, bob] = [newBuyer(), newBuyer()];
  await happened(billed(bob), billed(ann), charged(ann), charged(bob));
  for (const [own, other] of [
    [ann, bob],
    [bob, ann],
  ] as const) {
    for (const selection of [
      { kind: "process", processId: own.processId },
      { kind: "account", key: own.orderId },
    ] as const) {
      const bundle = await bundleOf(selection);
      assert.deepEqual(typesOf(bundle), [
        "entente.callback-received",
        "entente.hand-off-accepted",
        "entente.hand-off-accepted",
        "entente.hand-off-completed",
        "entente.hand-off-completed",
        "entente.hand-off-opened",
        "entente.hand-off-opened",
        "entente.hand-off-sent",
        "entente.hand-off-sent",
        "orders.billing-ready",
        "orders.charge-due",
      ]);
      saysNothingOf(bundle, other);
      // The batch's opening names both; what became of the batch is readable, with their name for it.
      assert.equal(bundle.closed, 1);
      const batch = open(bundle, "entente.hand-off-completed").find(({ data }) => data.target === "billing");
      assert.match(String(batch?.data.externalReference), /^ext-acme:batch:/);
      const [callback] = open(bundle, "entente.callback-received");
      assert.match(String(callback?.data.reference), new RegExp(`:${own.orderId}:`));
      assert.match(bundle.readme, /Closed entries: 1\./);
    }
  }
});

test("what is said of another customer's row stays closed, and the entry is proved all the same", async () => {
  const [ann, bob] = [newBuyer(), newBuyer()];
  counterparty.refusedRows.add(rowKey(bob));
  await happened(billed(ann), billed(bob));
  const bundle = await bundleOf({ kind: "process", processId: ann.processId });
  saysNothingOf(bundle, bob);
  assert.ok(!bundle.text.includes("E10"));
  // The opening, and the two moves that the refusal came with.
  assert.equal(bundle.closed, 3);
  assert.ok(typesOf(bundle).includes("entente.hand-off-completed"));
  const of = await bundleOf({ kind: "process", processId: bob.processId });
  assert.deepEqual(
    open(of, "entente.hand-off-completed").map(({ data }) => JSON.stringify(data.rows).includes("E10")),
    [true],
  );
});

test("a batch with rows of one process alone is open in its bundle", async () => {
  const ann = newBuyer();
  await happened(billed(ann, "1"), billed(ann, "2"));
  const bundle = await bundleOf({ kind: "process", processId: ann.processId });
  assert.equal(bundle.closed, 0);
  const [opening] = open(bundle, "entente.hand-off-opened");
  assert.deepEqual(
    [opening?.data.rows].flat().map((row) => (row as { line?: string }).line),
    ["1", "2"],
  );
  assert.match(bundle.readme, /None of its entries is closed/);
});

test("what belongs to a selection counts towards the entries a bundle may have", async () => {
  const ann = newBuyer();
  await happened(billed(ann, "1"), billed(ann, "2"));
  const orders = system.contexts.get("orders");
  assert.ok(orders);
  const order = {
    tenantId: "acme",
    selection: { kind: "process", processId: ann.processId },
    key: auditKey,
    batchPlaces: [orders],
  } as const;
  // Two facts, and four entries of the batch.
  await assert.rejects(
    exportBundle(databaseOf(system, "audit"), { ...order, folder: join(folder, "five"), entriesAllowed: 5 }),
    { code: "audit-selection-too-large" },
  );
  const { entries } = await exportBundle(databaseOf(system, "audit"), {
    ...order,
    folder: join(folder, "six"),
    entriesAllowed: 6,
  });
  assert.equal(entries, 6);
});
