import assert from "node:assert/strict";
import { after, test } from "node:test";
import { openLog } from "../log.ts";
import { openLogExport } from "./export-logs.ts";
import { startOtlpReceiver } from "./otlp-receiver.fixture.ts";
import { resourceOf } from "./resource.ts";

const receiver = await startOtlpReceiver();
after(() => receiver.close());
// The exporter reads it by itself.
process.env.OTEL_EXPORTER_OTLP_ENDPOINT = receiver.url;
const exported = openLogExport(resourceOf("ours"), { scheduledDelayMillis: 10 });
after(() => exported.stop());
const log = openLog("info", exported, { write() {} });
const processIds = ["0198a000-0000-7000-8000-000000000001", "0198a000-0000-7000-8000-000000000002"];

const received = (body: string) =>
  receiver.until(body, () => receiver.logs.find((line) => line.body === body), 10_000);

test("whose processes an incident is about arrives with it", async () => {
  log.event({
    event: "incident",
    consumer: "fitness",
    code: "hand-offs-stuck",
    incidentId: "i-1",
    subject: "sap-ledger",
    says: "2 hand-offs to sap are older than 60 min and have no result.",
    processIds,
    runbook: "docs/operations/incidents.md#hand-offs-stuck",
  });
  const { severity, attributes } = await received("customers suffer");
  assert.equal(severity, "ERROR");
  assert.deepEqual(attributes.process_ids, processIds);
  assert.equal(attributes.runbook, "docs/operations/incidents.md#hand-offs-stuck");
});

test("whose hand-offs a courier has trouble with arrives with it, and nothing of the hand-offs themselves", async () => {
  log.treaty({
    event: "courier-trouble",
    target: "sap",
    trouble: "threw",
    text: "TypeError",
    count: 2,
    processIds,
    handOffs: [
      {
        correlationId: null,
        tenantId: "acme",
        aggregateId: null,
        handOffId: null,
        target: "sap",
        keyHash: null,
        externalReference: null,
        code: null,
      },
    ],
  });
  const { severity, attributes } = await received("courier-trouble");
  assert.equal(severity, "WARN");
  assert.deepEqual(attributes, {
    event: "courier-trouble",
    target: "sap",
    trouble: "threw",
    text: "TypeError",
    count: 2,
    process_ids: processIds,
  });
});

test("lists of numbers arrive, empty lists as well, and lists of anything else are left out", async () => {
  log.logger.info(
    { counts: [1, 2.5], none: [], mixed: [1, "two"], objects: [{ a: 1 }], nulls: [null] },
    "lists",
  );
  const { attributes } = await received("lists");
  assert.deepEqual(attributes, { counts: [1, 2.5], none: [] });
});
