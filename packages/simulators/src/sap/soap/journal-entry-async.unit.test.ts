import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import {
  asyncPath,
  entry,
  message,
  morning,
  type Receiver,
  readConfirmation,
  startReceiver,
  startTestSap,
  type TestSap,
} from "../sap.fixture.ts";

let sap: TestSap;
let receiver: Receiver;
let before_ = 0;

before(async () => {
  sap = await startTestSap();
  receiver = await startReceiver();
});
after(async () => {
  await sap.stop();
  await receiver.stop();
});
beforeEach(async () => {
  await sap.client.reset();
  await sap.client.setClock(morning);
  await sap.set("/settings", { confirmation: { url: receiver.url, user: "caller", password: "secret" } });
  before_ = receiver.received.length;
});

const since = () => receiver.received.slice(before_);
/** Which messages the confirmations since the test began are for. */
const confirmed = () => since().map(({ body }) => /<ReferenceID>([^<]*)</.exec(body)?.[1]);

async function send(id: string, references: readonly string[] = [id], headers: Record<string, string> = {}) {
  const answer = await sap.post(
    message(
      references.map((reference) => entry({ reference })),
      { id },
    ),
    headers,
    asyncPath,
  );
  assert.equal(answer.status, 202);
  assert.equal(await answer.text(), "");
}

interface MonitorRow {
  readonly MessageNumber: string;
  readonly Status: string;
  readonly EntryCount: number;
  readonly ErrorCount: number;
}

async function monitored(id: string): Promise<readonly MonitorRow[]> {
  const filter = encodeURIComponent(`MessageID eq '${id}'`);
  const path = `/sap/opu/odata/sap/ZINTEGRATION_MONITOR_SRV/A_Message?$filter=${filter}`;
  return (await sap.read<{ results: readonly MonitorRow[] }>(path)).results;
}

describe("an asynchronous message", () => {
  test("is taken with 202, posted later, and confirmed to the configured address", async () => {
    await send("MSG-1", ["A", "B"]);
    assert.equal((await sap.ledger()).documents, 0);
    assert.deepEqual(
      (await monitored("MSG-1")).map(({ Status, EntryCount }) => [Status, EntryCount]),
      [["Q", 2]],
    );
    await sap.client.advance("PT2M");
    assert.equal((await sap.ledger()).documents, 2);
    const [confirmation] = since();
    assert.equal(
      confirmation?.headers.authorization,
      `Basic ${Buffer.from("caller:secret").toString("base64")}`,
    );
    assert.match(String(confirmation?.headers["content-type"]), /^text\/xml/);
    assert.match(String(confirmation?.headers.soapaction), /JournalEntryBulkCreateConfirmation_Out/);
    assert.deepEqual(
      readConfirmation(confirmation?.body ?? "").map(({ referenceId, document }) => [referenceId, document]),
      [
        ["SUB_A", "0100000000"],
        ["SUB_B", "0100000001"],
      ],
    );
    assert.deepEqual(
      (await monitored("MSG-1")).map(({ Status, ErrorCount }) => [Status, ErrorCount]),
      [["S", 0]],
    );
    const [call] = await sap.client.calls({ operation: "post-journal-entries-async" });
    assert.deepEqual([call?.status, call?.effect, call?.keys], [202, true, ["A", "B"]]);
  });

  test("can be asked about where there is no address", async () => {
    await sap.set("/settings", { confirmation: null });
    const references = ["A", "B"];
    const written = references.map((reference) =>
      entry({ reference, companyCode: reference === "B" ? "9999" : "1010" }),
    );
    await sap.post(message(written, { id: "MSG-2" }), {}, asyncPath);
    await sap.client.advance("PT2M");
    assert.deepEqual(since(), []);
    const [row] = await monitored("MSG-2");
    assert.deepEqual([row?.Status, row?.ErrorCount], ["W", 1]);
    const filter = encodeURIComponent("MessageID eq 'MSG-2'");
    const path = `/sap/opu/odata/sap/ZINTEGRATION_MONITOR_SRV/A_MessageEntry?$filter=${filter}`;
    const { results } = await sap.read<{ results: readonly Record<string, unknown>[] }>(path);
    assert.deepEqual(
      results.map((one) => [one.DocumentReferenceID, one.AccountingDocument, one.SeverityCode, one.Note]),
      [
        ["A", "0100000000", "1", "Document posted successfully: BKPFF 010000000010102026 ENTCLNT100"],
        ["B", "0000000000", "3", "Company code 9999 does not exist"],
      ],
    );
  });

  test("needs an id of at most 35 characters", async () => {
    const answer = await sap.post(message([entry()], { id: "M".repeat(36) }), {}, asyncPath);
    assert.equal(answer.status, 500);
    assert.match(await answer.text(), /1 to 35 characters/);
  });

  test("is posted again when it is sent again, unless its id is checked", async () => {
    await send("MSG-1");
    await send("MSG-1");
    await sap.client.advance("PT2M");
    assert.equal((await sap.ledger()).documents, 2);
    assert.equal((await monitored("MSG-1")).length, 2);
    await sap.set("/settings", { repeatedMessageId: true });
    assert.equal((await sap.post(message([entry()], { id: "MSG-1" }), {}, asyncPath)).status, 500);
  });

  test("is taken and not posted again by its UUID, where that is switched on", async () => {
    await sap.set("/settings", { repeatedMessageUuid: true });
    const again = message([entry()], { uuid: "3f2504e0-4f89-11d3-9a0c-0305e82c3301" });
    assert.equal((await sap.post(again, {}, asyncPath)).status, 202);
    assert.equal((await sap.post(again, {}, asyncPath)).status, 202);
    await sap.client.advance("PT2M");
    assert.equal((await sap.ledger()).documents, 1);
  });
});

describe("outside the batch window a message", () => {
  const window = { from: "22:00", to: "04:00" };

  test("is refused", async () => {
    await sap.set("/settings", { batchWindow: { mode: "refuse", ...window } });
    assert.equal((await sap.post(message([entry()]), {}, asyncPath)).status, 503);
    await sap.client.advance("PT20H");
    assert.equal((await sap.ledger()).documents, 0);
  });

  test("or waits for it", async () => {
    await sap.set("/settings", { batchWindow: { mode: "queue", ...window } });
    await send("MSG-1");
    await sap.client.setClock("2026-11-24T21:58:00Z");
    assert.equal((await sap.ledger()).documents, 0);
    await sap.client.setClock("2026-11-24T22:00:01Z");
    assert.equal((await sap.ledger()).documents, 1);
    assert.equal(since().length, 1);
  });
});

describe("a confirmation", () => {
  /** Waits go well past what is due: what a callback schedules at its time must fall into the same wait. */
  const ids = async (wait: string) => {
    await sap.client.advance(wait);
    return confirmed();
  };

  test("comes late", async () => {
    await sap.client.rule({ behaviour: "delayed-callback", delayMs: 3_600_000 });
    await send("MSG-1");
    assert.deepEqual(await ids("PT59M"), []);
    assert.equal((await sap.ledger()).documents, 1);
    assert.deepEqual(await ids("PT5M"), ["MSG-1"]);
  });

  test("comes several times", async () => {
    await sap.client.rule({ behaviour: "duplicate-callback", count: 3 });
    await send("MSG-1");
    assert.deepEqual(await ids("PT2M"), ["MSG-1", "MSG-1", "MSG-1"]);
    assert.equal((await sap.client.effects()).length, 1);
  });

  test("comes after those of a later message", async () => {
    await sap.client.rule({ behaviour: "out-of-order-callback", times: 1 });
    await send("MSG-1");
    await send("MSG-2");
    assert.deepEqual(await ids("PT2M"), ["MSG-2", "MSG-1"]);
  });

  test("never comes", async () => {
    await sap.client.rule({ behaviour: "lost-callback" });
    await send("MSG-1");
    assert.deepEqual(await ids("P1D"), []);
    assert.equal((await monitored("MSG-1"))[0]?.Status, "S");
  });

  test("cannot be read", async () => {
    for (const variant of ["not-json", "missing-field", "wrong-type"] as const) {
      await sap.client.rule({ behaviour: "malformed", variant, times: 1 });
      await send("MSG-1");
      await sap.client.advance("PT2M");
    }
    const [cut = "", without = "", wrong = ""] = since().map(({ body }) => body);
    assert.doesNotMatch(cut, /<\/soap-env:Envelope>/);
    assert.doesNotMatch(without, /<AccountingDocument>/);
    assert.match(without, /<\/soap-env:Envelope>$/);
    assert.match(wrong, /<MaximumLogItemSeverityCode>many</);
    assert.equal((await sap.ledger()).documents, 3);
  });

  test("has a severity nobody knows", async () => {
    await sap.client.rule({ behaviour: "unknown-status", times: 1 });
    await send("MSG-1");
    await sap.client.advance("PT2M");
    assert.equal(readConfirmation(since()[0]?.body ?? "")[0]?.severity, "7");
  });

  test("is tried again when the receiver refuses it", async () => {
    receiver.statuses.push(503, 500);
    await send("MSG-1");
    assert.deepEqual(await ids("PT63S"), ["MSG-1"]);
    assert.deepEqual(await ids("PT10S"), ["MSG-1", "MSG-1"]);
    assert.deepEqual(await ids("PT3M"), ["MSG-1", "MSG-1", "MSG-1"]);
    assert.deepEqual(await ids("P1D"), ["MSG-1", "MSG-1", "MSG-1"]);
    const answer = await fetch(`${sap.url}/_control/sap/confirmations`);
    const { confirmations } = (await answer.json()) as {
      confirmations: readonly { attempt: number; status: number }[];
    };
    assert.deepEqual(
      confirmations.map(({ attempt, status }) => [attempt, status]),
      [
        [1, 503],
        [2, 500],
        [3, 200],
      ],
    );
  });
});

test("an entry of a message is refused by its own key, and no other", async () => {
  await sap.client.rule({ behaviour: "rejection", reason: "account-locked", when: { key: "B" } });
  await send("MSG-1", ["A", "B", "C"]);
  await sap.client.advance("PT2M");
  assert.deepEqual(
    readConfirmation(since()[0]?.body ?? "").map(({ types }) => types),
    [["605(RW)"], ["609(RW)", "042(MC)"], ["605(RW)"]],
  );
});
