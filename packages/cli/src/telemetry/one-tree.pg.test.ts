/** What a receiver of OTLP gets of a top-up: one tree, whoever is killed meanwhile. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from "./otlp-receiver.fixture.ts";
import { startFlux } from "./running-flux.fixture.ts";

const receiver = await startOtlpReceiver();
after(() => receiver.close());
const toReceiver = {
  OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
  OTEL_EXPORTER_OTLP_HEADERS: "x-receiver-key=canary-receiver-key",
  OTEL_BSP_SCHEDULE_DELAY: "100",
};

/** Spans of a trace once the payment is known and every parent is there. */
function wholeTrace(from: OtlpReceiver, traceId: string, caller?: string): Promise<ReceivedSpan[]> {
  return from.until(`the whole trace ${traceId}`, () => {
    const spans = [...from.spans.values()].filter((span) => span.traceId === traceId);
    const has = (test: (span: ReceivedSpan) => boolean) => spans.some(test);
    return (
      has((span) => span.name === "completed payments-charge") &&
      has((span) => span.service === "simulator-payments") &&
      orphansIn(spans, caller).length === 0 &&
      spans
    );
  });
}

function orphansIn(spans: readonly ReceivedSpan[], caller = ""): ReceivedSpan[] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  return spans.filter(({ parentSpanId }) => parentSpanId !== caller && !ids.has(parentSpanId));
}

function rootsIn(spans: readonly ReceivedSpan[], caller = ""): ReceivedSpan[] {
  return spans.filter(({ parentSpanId }) => parentSpanId === caller);
}

const traceOf = (processId: string): string => processId.replaceAll("-", "");

test("one top-up is one tree over gateway, subscription, treaty and simulator, and nothing confidential is in it", async () => {
  const flux = await startFlux(toReceiver);
  const processId = await flux.topUp("0007");
  const spans = await wholeTrace(receiver, traceOf(processId));

  assert.deepEqual(
    rootsIn(spans).map(({ name, kind }) => [name, kind]),
    [["accept flux.top-up", "SPAN_KIND_SERVER"]],
  );
  assert.deepEqual(new Set(spans.map(({ attributes }) => attributes.process_id)), new Set([processId]));
  const contexts = new Set(spans.map(({ attributes }) => attributes["entente.context"]));
  assert.ok(contexts.has("gateway") && contexts.has("subscription"), [...contexts].join());
  const attempt = spans.find(({ name }) => name === "send payments-charge");
  assert.equal(attempt?.kind, "SPAN_KIND_CLIENT");
  assert.equal(attempt.attributes["entente.counterparty"], "payments");
  const received = spans.filter(({ parentSpanId }) => parentSpanId === attempt.spanId);
  assert.ok(
    received.some(({ service, kind }) => service === "simulator-payments" && kind === "SPAN_KIND_SERVER"),
  );
  for (const span of spans) assert.ok(span.endNano >= span.startNano, span.name);

  // Traced by the caller: the tree goes on where the caller's span is, in every process.
  const caller = { trace: "0af7651916cd43dd8448eb211c80319c", span: "b7ad6b7169203331" };
  const traced = await flux.topUp("0008", { traceparent: `00-${caller.trace}-${caller.span}-01` });
  const tree = await wholeTrace(receiver, caller.trace, caller.span);
  assert.deepEqual(
    rootsIn(tree, caller.span).map(({ name }) => name),
    ["accept flux.top-up"],
  );
  assert.deepEqual(new Set(tree.map(({ attributes }) => attributes.process_id)), new Set([traced]));
  // Not sampled by the caller: nothing of it is exported, by nobody.
  const unsampled = await flux.topUp("0009", { traceparent: `00-${"c".repeat(32)}-${caller.span}-00` });
  const last = await flux.topUp("0010");
  await wholeTrace(receiver, traceOf(last));
  const seen = [...receiver.spans.values()];
  assert.ok(!seen.some(({ attributes }) => attributes.process_id === unsampled));

  assert.ok(receiver.headers.every((headers) => headers["x-receiver-key"] === "canary-receiver-key"));
  const everything = Buffer.concat([...receiver.bodies]).toString("latin1");
  for (const canary of ["canary-key", "acct-0007", "car-0007", "Bearer ", "sk_test"])
    assert.ok(!everything.includes(canary), canary);
  await flux.process.terminate();
});

test("killed between decision and treaty, and started again, it is still one tree", async () => {
  const dying = await startFlux({ ...toReceiver, ENTENTE_DIE_AT: "courier:before-send:1" });
  const processId = await dying.topUp("0011");
  await dying.process.exited;
  const flux = await startFlux(toReceiver);
  // A sending that was lost with the process is told by the one that found it.
  await receiver.until("a sending that was lost", () =>
    [...receiver.spans.values()].some(
      ({ kind, isError, attributes }) =>
        kind === "SPAN_KIND_CLIENT" && isError && attributes["entente.ended_by"] === "deadline",
    ),
  );
  const charge = await receiver.until("what became of the charge", () =>
    [...receiver.spans.values()].find(
      ({ name, attributes }) =>
        /^(completed|unknown) payments-charge$/.test(name) && attributes.process_id === processId,
    ),
  );
  // Whether a lost charge has happened is found out by asking, which is due later.
  if (charge.name.startsWith("unknown")) await flux.advanceClock("PT20M");
  const spans = await wholeTrace(receiver, traceOf(processId));
  assert.deepEqual(
    rootsIn(spans).map(({ name }) => name),
    ["accept flux.top-up"],
  );
  assert.deepEqual(new Set(spans.map(({ attributes }) => attributes.process_id)), new Set([processId]));
  await flux.process.terminate();
});

test("a receiver that hangs, refuses or is away stops nothing, and gets what it missed", async () => {
  receiver.answerWith("hang");
  const flux = await startFlux({ ...toReceiver, OTEL_EXPORTER_OTLP_TIMEOUT: "1000" });
  const first = await flux.topUp("0012");
  await flux.completed(first);
  receiver.answerWith(503);
  const second = await flux.topUp("0013");
  await flux.completed(second);
  receiver.answerWith(200);
  const third = await flux.topUp("0015");
  await wholeTrace(receiver, traceOf(third));
  // What the receiver did not take is not lost: it stands in the journals. A simulator has none, and drops what its queue
  // cannot send within the timeout.
  for (const missed of [first, second]) {
    const spans = await receiver.until("what it missed", () => {
      const parts = [...receiver.spans.values()].filter((span) => span.traceId === traceOf(missed));
      return parts.some(({ name }) => name === "completed payments-charge") && parts;
    });
    assert.deepEqual(orphansIn(spans), []);
  }
  await flux.process.terminate();
});

test("nothing is exported, and no call carries a trace, when nothing is configured", async () => {
  const before = receiver.requests();
  const flux = await startFlux({});
  await flux.completed(await flux.topUp("0014"));
  await flux.process.terminate();
  assert.equal(receiver.requests(), before);
});
