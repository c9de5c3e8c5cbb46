import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Entry, NewEntry } from "../model/entry.ts";
import { deriveId } from "../model/id.ts";
import { command, fact } from "../testing/entries.fixture.ts";
import type { Span } from "./span.ts";
import { causesToFind, spansOf } from "./spans-of-entries.ts";
import { spanIdOf, traceHeaders, traceIdOf } from "./trace-identity.ts";

const caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const at = Date.UTC(2027, 0, 31);

function read(entry: NewEntry): Entry {
  return { ...entry, position: { xid: "1", seq: "1" }, lane: 0 };
}

function accepted(traceparent: string | null = null): Entry {
  return read(command({ traceparent, data: { accountId: "canary-account" } }, at));
}

/** An entry of the same process, caused by another one. */
function after(cause: Entry, ordinal: number, said: Partial<NewEntry>): Entry {
  const { processId, correlationId, traceparent, id: causationId } = cause;
  return read(
    fact(
      { id: deriveId(causationId, ordinal), processId, correlationId, traceparent, causationId, ...said },
      at,
    ),
  );
}

const handOff = { treaty: "card-charge", target: "cards", handOffId: "" };
function opening(cause: Entry): Entry {
  return after(cause, 1, {
    type: "entente.hand-off-opened",
    data: { ...handOff, request: { pan: "canary-pan" } },
  });
}
function sent(opened: Entry): Entry {
  return after(opened, 2, {
    type: "entente.hand-off-sent",
    data: { ...handOff, handOffId: opened.id, by: "courier", from: "created" },
  });
}
function ended(
  opened: Entry,
  sending: Entry,
  by: "answer" | "deadline" | "callback",
  said: NewEntry["data"] = {},
): Entry {
  const cause = by === "answer" ? sending : opened;
  const data = {
    ...handOff,
    handOffId: opened.id,
    by,
    from: "sent",
    sending: sending.id,
    sentAt: at,
    class: null,
  };
  return after(cause, 3, {
    type: "entente.hand-off-completed",
    occurredAt: at + 80,
    data: { ...data, ...said },
  });
}

function treeOf(entries: readonly Entry[]): Span[] {
  return spansOf(entries, new Map(), 0);
}

function named(spans: readonly Span[], name: string): Span {
  const span = spans.find((one) => one.name === name);
  assert.ok(span, `${name} among ${spans.map((one) => one.name).join(", ")}`);
  return span;
}

describe("the entries of a process", () => {
  for (const [title, traceparent] of [
    ["whose caller told of no trace", null],
    ["whose caller told of a trace", caller],
  ] as const) {
    test(`${title} are one tree in one trace`, () => {
      const start = accepted(traceparent);
      const decided = after(start, 0, { type: "bank.deposited" });
      const opened = opening(decided);
      const sending = sent(opened);
      const end = ended(opened, sending, "answer");
      const spans = treeOf([start, decided, opened, sending, end]);
      assert.deepEqual(
        spans.map(({ name, kind }) => [name, kind]),
        [
          ["accept bank.deposit", "server"],
          ["decide bank.deposited", "consumer"],
          ["open card-charge", "internal"],
          ["send card-charge", "client"],
          ["completed card-charge", "internal"],
        ],
      );
      assert.deepEqual(
        new Set(spans.map(({ traceId }) => traceId)),
        new Set([traceIdOf(start.id, traceparent)]),
      );
      const ids = new Set(spans.map(({ spanId }) => spanId));
      const [root, ...rest] = spans as [Span, ...Span[]];
      assert.equal(root.parentId, traceparent === null ? null : "b7ad6b7169203331");
      assert.equal(root.parentIsRemote, traceparent !== null);
      for (const span of rest) assert.ok(span.parentId !== null && ids.has(span.parentId), span.name);
      for (const { attributes } of spans) assert.equal(attributes.process_id, start.id);
    });
  }
});

/** A message of the counterparty's: a process of its own. */
function heardFrom(caller: string | null): Entry {
  const start = accepted();
  return read(
    fact(
      {
        id: deriveId(start.id, 9),
        processId: deriveId(start.id, 9),
        kind: "callback",
        type: "card-charge.callback",
        causationId: null,
        traceparent: caller,
      },
      at,
    ),
  );
}

test("a fact that a callback brought stands below its hand-off, and is linked to the callback's span in the callback's trace", () => {
  const opened = opening(after(accepted(caller), 0, {}));
  const callback = heardFrom(null);
  const told = { ...ended(opened, sent(opened), "callback"), causationId: callback.id };
  assert.deepEqual(causesToFind([told]).own, [callback.id]);
  const received = named(treeOf([callback]), "receive card-charge.callback");
  const end = named(spansOf([told], new Map([[callback.id, callback]]), 0), "completed card-charge");
  assert.equal(end.parentId, spanIdOf(opened.id));
  assert.deepEqual(end.links, [{ traceId: received.traceId, spanId: received.spanId }]);
  assert.notEqual(received.traceId, end.traceId);
});

test("a fact that an answer or a deadline brought is linked to nothing, and a callback that is not to be found neither", () => {
  const opened = opening(after(accepted(), 0, {}));
  const sending = sent(opened);
  for (const by of ["answer", "deadline"] as const) {
    const end = ended(opened, sending, by);
    assert.deepEqual(causesToFind([opened, sending, end]), { own: [], anywhere: [] });
    assert.deepEqual(named(treeOf([opened, sending, end]), "completed card-charge").links, []);
  }
  const told = { ...ended(opened, sending, "callback"), causationId: heardFrom(null).id };
  assert.deepEqual(named(treeOf([told]), "completed card-charge").links, []);
});

test("a sending is told with its ending, from its beginning, and has the id that its header named", () => {
  const opened = opening(after(accepted(), 0, {}));
  const sending = sent(opened);
  assert.deepEqual(treeOf([sending]), []);
  const spans = treeOf([ended(opened, sending, "answer")]);
  const attempt = named(spans, "send card-charge");
  const telemetry = { isSampled: () => true, takeSpans: async () => "taken" as const, dropped: () => {} };
  const headers = traceHeaders(telemetry, opened, sending.id);
  assert.equal(headers?.traceparent, `00-${attempt.traceId}-${attempt.spanId}-01`);
  assert.equal(headers.baggage, `process_id=${opened.processId}`);
  assert.deepEqual([attempt.startAt, attempt.endAt], [at, at + 80]);
  assert.equal(attempt.parentId, spanIdOf(opened.id));
  assert.equal(named(spans, "completed card-charge").parentId, attempt.spanId);
});

test("a sending that was lost with its program is told by whoever found it, as trouble", () => {
  const opened = opening(after(accepted(), 0, {}));
  const sending = sent(opened);
  const spans = treeOf([ended(opened, sending, "deadline", { class: "UNKNOWN" })]);
  const attempt = named(spans, "send card-charge");
  assert.deepEqual([attempt.spanId, attempt.error], [spanIdOf(sending.id), "UNKNOWN"]);
  assert.equal(named(spans, "completed card-charge").parentId, spanIdOf(opened.id));
});

test("a batch is a trace of its own that links the facts in it", () => {
  const one = after(accepted(caller), 0, {});
  const two = after(accepted(), 0, {});
  const rows = [one, two].map(({ processId, id: factId, traceparent }) => ({
    processId,
    factId,
    ...(traceparent === null ? {} : { traceparent }),
  }));
  const batch = read(
    fact({ type: "entente.hand-off-opened", causationId: one.id, data: { ...handOff, rows } }),
  );
  const [span] = treeOf([batch]);
  assert.deepEqual([span?.parentId, span?.traceId], [null, traceIdOf(batch.id, null)]);
  assert.deepEqual(
    span?.links,
    [one, two].map((each) => ({
      traceId: traceIdOf(each.processId, each.traceparent),
      spanId: spanIdOf(each.id),
    })),
  );
});

test("what a batch tells the process of one of its rows is linked to the batch and not below it", () => {
  const batch = read(fact({ type: "entente.hand-off-opened", data: { ...handOff, rows: [] } }));
  const start = accepted();
  const told = after(batch, 7, { kind: "command", target: "ledger", source: "ledger", processId: start.id });
  assert.deepEqual(causesToFind([told]).own, [batch.id]);
  const [span] = spansOf([told], new Map([[batch.id, batch]]), 0);
  assert.deepEqual([span?.parentId, span?.traceId], [null, traceIdOf(start.id, null)]);
  assert.deepEqual(span?.links, [{ traceId: traceIdOf(batch.id, null), spanId: spanIdOf(batch.id) }]);
});

test("what is heard of a process that began in another journal goes below its beginning", () => {
  const start = accepted();
  const heard = read(fact({ kind: "command", target: "ledger", processId: start.id, causationId: null }, at));
  assert.deepEqual(causesToFind([heard]).anywhere, [start.id]);
  const [span] = spansOf([heard], new Map([[start.id, start]]), 0);
  assert.equal(span?.parentId, spanIdOf(start.id));
  const [alone] = spansOf([heard], new Map(), 0);
  assert.equal(alone?.parentId, null);
});

test("times are those of the wall, however far business time is ahead", () => {
  const [span] = spansOf([accepted()], new Map(), 3_600_000);
  assert.equal(span?.startAt, at - 3_600_000);
});

test("nothing of the data goes along but what is named", () => {
  const start = accepted();
  const opened = opening(after(start, 0, { data: { note: "canary-note" } }));
  const end = ended(opened, sent(opened), "answer", {
    label: "canary-label",
    externalReference: "canary-reference",
  });
  assert.doesNotMatch(JSON.stringify(treeOf([start, opened, end])), /canary/);
});

test("a fact decided in another process stands in the trace of its own, under its command, and links what it was decided on", () => {
  const changed = accepted();
  const act = accepted(caller);
  const { processId } = changed;
  const fromElsewhere = read(
    fact(
      { id: deriveId(act.id, 0), processId, correlationId: act.id, traceparent: null, causationId: act.id },
      at,
    ),
  );
  assert.deepEqual(causesToFind([fromElsewhere]), { own: [], anywhere: [processId, act.id] });
  const found = new Map([changed, act].map((entry) => [entry.id, entry]));
  const [span] = spansOf([fromElsewhere], found, 0);
  assert.deepEqual(
    [span?.traceId, span?.parentId, span?.links],
    [
      traceIdOf(processId, null),
      spanIdOf(processId),
      [{ traceId: traceIdOf(act.id, caller), spanId: spanIdOf(act.id) }],
    ],
  );
  // Its command has expired: it stands alone rather than under a parent that nobody gets.
  const [alone] = spansOf([fromElsewhere], new Map([[act.id, act]]), 0);
  assert.equal(alone?.parentId, null);
});
