import assert from "node:assert/strict";
import { test } from "node:test";
import { openBatch } from "../consumer/batch.ts";
import type { Entry } from "../model/entry.ts";
import { isFailure } from "../model/failure.ts";
import type { Connection, Database } from "../postgres/database.ts";
import { command } from "../testing/entries.fixture.ts";
import { spanExporter } from "./export-spans.ts";
import type { Span, SpansTaken } from "./span.ts";

const now = Date.UTC(2027, 0, 31);

function exporting(answer: SpansTaken, isSampled = (_traceId: string, _traceparent: string | null) => true) {
  const given: Span[] = [];
  const dropped: [number, string][] = [];
  const exporter = spanExporter({
    telemetry: {
      isSampled,
      async takeSpans(spans) {
        given.push(...spans);
        return answer;
      },
      dropped: (count, reason) => void dropped.push([count, reason]),
    },
    // Nothing is looked up for commands accepted from outside.
    source: { context: "front", database: {} as Database, reading: "everything" },
    journals: new Map(),
    now: () => now,
    offsetMs: () => 0,
  });
  const apply = (entries: readonly Entry[]) => exporter.apply({} as Connection, openBatch(entries, null));
  return { given, dropped, apply };
}

function accepted(at: number, traceparent: string | null = null): Entry {
  return { ...command({ traceparent }, at), position: { xid: "1", seq: "1" }, lane: 0 };
}

test("spans that are taken let the cursor move", async () => {
  const { given, dropped, apply } = exporting("taken");
  await apply([accepted(now), accepted(now)]);
  assert.deepEqual([given.length, dropped], [2, []]);
});

test("a receiver that is away keeps the cursor where it is", async () => {
  const { dropped, apply } = exporting("unavailable");
  await assert.rejects(apply([accepted(now)]), (error) => isFailure(error, "telemetry-unavailable"));
  assert.deepEqual(dropped, []);
});

test("what the receiver refuses for good is counted, and does not hold up the rest", async () => {
  const { dropped, apply } = exporting("refused");
  await apply([accepted(now), accepted(now)]);
  assert.deepEqual(dropped, [[2, "refused"]]);
});

test("what is more than an hour old is counted and not sent", async () => {
  const { given, dropped, apply } = exporting("taken");
  await apply([accepted(now - 3_600_001), accepted(now - 3_600_000), accepted(now - 3_599_999)]);
  assert.deepEqual([given.length, dropped], [2, [[1, "too-old"]]]);
});

test("what is not sampled is neither sent nor counted", async () => {
  const unsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
  const { given, dropped, apply } = exporting("taken", (_id, traceparent) => traceparent !== unsampled);
  await apply([accepted(now, unsampled), accepted(now)]);
  assert.deepEqual([given.length, dropped], [1, []]);
});
