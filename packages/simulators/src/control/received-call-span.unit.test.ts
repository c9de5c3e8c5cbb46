import assert from "node:assert/strict";
import { after, test } from "node:test";
import { openControlClient } from "./control-client.ts";
import { echoSystem } from "./echo.fixture.ts";
import type { ReceivedCallSpan } from "./received-call-span.ts";
import { startSimulator } from "./start-simulator.ts";

const told: ReceivedCallSpan[] = [];
let heard = Promise.withResolvers<ReceivedCallSpan>();
const simulator = await startSimulator(
  echoSystem(async () => {}),
  {
    seed: 1,
    tellCall(call) {
      told.push(call);
      heard.resolve(call);
    },
  },
);
after(() => simulator.stop());
const client = openControlClient(simulator.url);
const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const processId = "0198c0de-0000-7000-8000-000000000001";

async function toldOf(baggage: string): Promise<ReceivedCallSpan> {
  heard = Promise.withResolvers();
  const headers = { "content-type": "application/json", traceparent, baggage };
  await fetch(`${simulator.url}/notes`, { method: "POST", headers, body: '{"text":"a"}' })
    .then((answer) => answer.text())
    .catch(() => {});
  return heard.promise;
}

test("every request is told of once, however it ended, with the trace and the process it came with", async () => {
  const kept = await toldOf(`process_id=${processId}`);
  assert.deepEqual(
    [
      kept.simulator,
      kept.method,
      kept.operation,
      kept.status,
      kept.behaviour,
      kept.traceparent,
      kept.processId,
    ],
    ["echo", "POST", "take-note", 201, null, traceparent, processId],
  );
  assert.ok(kept.endAt >= kept.startAt);
  await client.rule({ behaviour: "drop", effect: false, times: 1 });
  const dropped = await toldOf(`other=1, process_id=${processId};kept`);
  assert.deepEqual([dropped.status, dropped.behaviour, dropped.processId], ["none", "drop", processId]);
  const named = await toldOf("process_id=somebody");
  assert.deepEqual([named.status, named.processId], [201, null]);
  // What is said to the control interface is no traffic.
  assert.equal(told.length, 3);
});
