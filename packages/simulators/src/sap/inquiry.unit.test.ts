import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { seededRandom } from "../control/seeded-random.ts";
import {
  cubePath,
  entry,
  item,
  message,
  readConfirmation,
  startTestSap,
  type TestSap,
} from "./sap.fixture.ts";

/** Whether a caller can live with this system: post through faults, and end with every entry in the books exactly once. */

const seed = 20_261_124;
let sap: TestSap;

before(async () => {
  sap = await startTestSap({ seed });
});
after(() => sap.stop());

interface Wanted {
  readonly reference: string;
  readonly cents: number;
}

/** Sends what is wanted; says what is confirmed, what was refused for good, and nothing of what it does not know. */
async function attempt(wanted: readonly Wanted[]): Promise<ReadonlyMap<string, "posted" | "refused">> {
  const known = new Map<string, "posted" | "refused">();
  const entries = wanted.map(({ reference, cents }) => {
    const amount = `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, "0")}`;
    return entry({ reference, items: item("11001000", amount) + item("23100000", `-${amount}`) });
  });
  try {
    const answer = await sap.post(message(entries));
    const text = await answer.text();
    if (answer.status !== 200 || !text.endsWith("</soap-env:Envelope>")) return known;
    for (const { referenceId, severity, document } of readConfirmation(text)) {
      const reference = referenceId.slice("SUB_".length);
      if (severity === "1" && document !== "") known.set(reference, "posted");
      // Locked passes by itself: what is refused is sent again, too.
      if (severity === "3") known.set(reference, "refused");
    }
  } catch {
    // No answer: it may have happened or not.
  }
  return known;
}

async function isPosted(reference: string): Promise<boolean> {
  const filter = encodeURIComponent(`DocumentReferenceID eq '${reference}'`);
  const { results } = await sap.read<{ results: [] }>(`${cubePath}?$filter=${filter}&$top=1`);
  return results.length > 0;
}

test(`asking by reference before every repeat posts each entry once, through all faults (seed ${seed})`, async () => {
  const random = seededRandom(seed, "wanted");
  for (const rule of [
    { behaviour: "drop", effect: true },
    { behaviour: "drop", effect: false },
    { behaviour: "server-error", effect: true },
    { behaviour: "server-error", effect: false },
    { behaviour: "malformed", variant: "not-json" },
    { behaviour: "malformed", variant: "missing-field" },
    { behaviour: "malformed", variant: "wrong-type" },
    { behaviour: "unknown-status" },
    { behaviour: "throttled" },
    { behaviour: "rejection", reason: "account-locked" },
  ] as const) {
    await sap.client.rule({ ...rule, when: { operation: "post-journal-entries", share: 0.4 }, times: 4 });
  }
  let open: readonly Wanted[] = Array.from({ length: 400 }, (_, i) => ({
    reference: `TOPUP-${i}`,
    cents: 1 + Math.floor(random.next() * 10_000),
  }));
  const sum = open.reduce((total, { cents }) => total + cents, 0);
  let rounds = 0;
  while (open.length > 0 && rounds < 50) {
    rounds += 1;
    const left: Wanted[] = [];
    for (let at = 0; at < open.length; at += 10) {
      const batch = open.slice(at, at + 10);
      const known = await attempt(batch);
      for (const one of batch) {
        const outcome = known.get(one.reference);
        if (outcome === "posted") continue;
        if (outcome === "refused" || !(await isPosted(one.reference))) left.push(one);
      }
    }
    open = left;
  }
  assert.deepEqual(open, []);
  assert.ok(rounds > 1, "faults made it try more than once");
  const { documents, totals } = await sap.ledger();
  assert.equal(documents, 400);
  assert.deepEqual(
    totals.map(({ balance }) => balance),
    [`${(sum / 100).toFixed(2)}`, `${(-sum / 100).toFixed(2)}`],
  );
  const keys = (await sap.client.effects()).map(({ key }) => key);
  assert.equal(new Set(keys).size, keys.length, "no effect is doubled");
  const applied = (await sap.client.rules()).map((rule) => rule.applied);
  assert.ok(
    applied.every((times) => times > 0),
    `every fault happened: ${applied}`,
  );
});
