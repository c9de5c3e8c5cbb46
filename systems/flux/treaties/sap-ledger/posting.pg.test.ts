/** What sap-ledger posts, over SAP's own interface: order, undo, doubt and duplicates. */
import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import type { Entry, NewEntry } from "@entente/core";
import { handOffKey } from "@entente/core/internal";
import type { JournalEntry } from "../../contexts/ledger/contract/journal-entry.ts";
import { type BookedItem, debited, openBooks, startGateway, tenant, undone } from "./books.fixture.ts";
import { journalEntryMessage } from "./journal-entry-message.ts";
import { referenceOf } from "./references.ts";

let gateway: Awaited<ReturnType<typeof startGateway>> | null = null;
const books = await openBooks(async (url) => {
  gateway = await startGateway(url);
  return gateway.url;
});
const now = (): number => books.system.clock.now();
const account = (items: readonly BookedItem[], number: string) =>
  items.filter(({ GLAccount }) => GLAccount === number.padStart(10, "0"));
const postings = "post-journal-entries";
/** What earlier tests left behind. */
let posted = 0;
let refused = 0;

function keyOf(processId: string, line: string | null = null): string {
  const subject = { tenantId: tenant, aggregateType: "top-up", aggregateId: processId, line };
  return handOffKey({ ...subject, target: "sap", purpose: "journal-entry" }, 1);
}

const referenceOfTopUp = (processId: string, line: string | null = null): string =>
  referenceOf(keyOf(processId, line));

describe("posting", () => {
  beforeEach(() => books.control.removeRules());

  test("entries of one account stand in the books in the order of their facts, whatever becomes of the message before", async () => {
    // The first message is lost on its way, and the second is not sent before that is cleared up.
    await books.control.rule({ behaviour: "drop", effect: false, when: { operation: postings }, times: 1 });
    await books.happened(debited(now(), "order-1"), debited(now(), "order-2"));
    await books.until(
      "the first message is lost",
      async () => (await books.entries("entente.hand-off-unknown")).length > 0,
    );
    await books.happened(debited(now(), "order-3"), debited(now(), "order-4"));
    posted += 4;
    await books.rows(posted, "completed");
    const order = (await books.items()).map(({ DocumentReferenceID }) => DocumentReferenceID);
    const expected = ["order-1", "order-2", "order-3", "order-4"].map((id) => referenceOfTopUp(id));
    assert.deepEqual([...new Set(order)], expected);
    assert.equal((await books.control.effects({ operation: postings })).length, posted);
  });

  test("a top-up that is undone has two documents, the second counters the first, and the account's sum is as before", async () => {
    const before = (await books.items()).length;
    await books.happened(debited(now(), "undo-1", "acct-0002"));
    await books.rows(++posted, "completed");
    await books.happened(undone(now(), "undo-1", "acct-0002"));
    await books.rows(++posted, "completed");
    const own = (await books.items()).slice(before);
    assert.deepEqual(
      own.map(({ GLAccount, AmountInTransactionCurrency }) => `${GLAccount} ${AmountInTransactionCurrency}`),
      ["0023200000 1.90", "0041000000 -1.90", "0041000000 1.90", "0023200000 -1.90"],
    );
    assert.deepEqual(
      [...new Set(own.map(({ DocumentReferenceID }) => DocumentReferenceID))],
      [referenceOfTopUp("undo-1"), referenceOfTopUp("undo-1", "undo")],
    );
    assert.ok(own.every(({ AssignmentReference }) => AssignmentReference === "acct-0002"));
    assert.match(own.at(-1)?.DocumentItemText ?? "", /^Top-up undone undo-1/);
    const sum = account(own, "23200000").reduce(
      (all, item) => all + Number(item.AmountInTransactionCurrency),
      0,
    );
    assert.equal(sum, 0);
  });

  test("a gateway that says 503 with a time to wait after SAP has posted is not believed: the books are asked, and nothing is there twice", async () => {
    gateway?.refuse(1);
    const unknown = (await books.entries("entente.hand-off-unknown")).length;
    await books.happened(debited(now(), "gateway-1"));
    await books.until(
      "it is unknown",
      async () => (await books.entries("entente.hand-off-unknown")).length > unknown,
    );
    await books.rows(++posted, "completed");
    assert.equal((await books.control.effects({ key: referenceOfTopUp("gateway-1") })).length, 1);
  });

  test("SAP's own refusal outside the batch window is no doubt: nothing was posted, and it is sent again without a question", async () => {
    const hour = new Date(now()).getUTCHours();
    const at = (plus: number): string => `${String((hour + plus) % 24).padStart(2, "0")}:00`;
    await books.set("/settings", { batchWindow: { mode: "refuse", from: at(2), to: at(3) } });
    const unknown = (await books.entries("entente.hand-off-unknown")).length;
    const waits = (await books.entries("entente.hand-off-retry-wait")).length;
    await books.happened(debited(now(), "window-1"));
    await books.until(
      "it waits",
      async () => (await books.entries("entente.hand-off-retry-wait")).length > waits,
    );
    await books.set("/settings", { batchWindow: null });
    await books.moveTime(3 * 3_600_000);
    await books.rows(++posted, "completed", true);
    assert.equal((await books.entries("entente.hand-off-unknown")).length, unknown);
    const about = { operation: "read-journal-entries", key: referenceOfTopUp("window-1") };
    assert.equal((await books.control.calls(about)).length, 0, "it was asked about");
  });

  test("refused as a duplicate by a document with the same content: it is posted; with other content: a conflict and accounting's case", async () => {
    await books.set("/settings", { duplicateReference: true });
    const fact = debited(now(), "double-1");
    const other = debited(now(), "double-2");
    await books.post(messageOf(fact, "double-1", 1));
    await books.post(messageOf(other, "double-2", 2));
    await books.happened(fact, other);
    await books.rows(++posted, "completed");
    await books.rows(++refused, "rejected");
    const codes = await books.system.contexts
      .get("ledger")
      ?.database.execute("select outcome, code from entente.hand_off_row where code is not null order by 1");
    assert.deepEqual(codes, [
      { outcome: "completed", code: "already-posted" },
      { outcome: "rejected", code: "reference-taken" },
    ]);
    assert.equal((await books.control.effects({ key: referenceOfTopUp("double-1") })).length, 1);
    const [open] = await books.cases();
    assert.deepEqual([open?.kind, open?.owner], ["rows-rejected", "Accounting, general ledger"]);
  });
});

/** A message as the treaty writes it, with amounts that are so many times those of the fact. */
function messageOf(fact: NewEntry, processId: string, times: number): string {
  const entry = books.treaty.request(fact as Entry)[0]?.data as unknown as JournalEntry;
  const lines = entry.lines.map((line) => ({ ...line, amountMinor: line.amountMinor * times }));
  const row = { idempotencyKey: keyOf(processId), data: { ...entry, lines } };
  const message = { tenantId: tenant, messageId: "0199f0e2-7a3b-7c4d-8e5f-0123456789ab", rows: [row] };
  return journalEntryMessage(message as never, "1010", now());
}
