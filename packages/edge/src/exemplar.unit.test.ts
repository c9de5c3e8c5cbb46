import assert from "node:assert/strict";
import { after, test } from "node:test";
import { aTopUp, startEdge } from "./edge.fixture.ts";
import { call } from "./http-client.fixture.ts";

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

test("a request that became a command leads from its duration to its process; no other request does", async () => {
  const edge = await startEdge();
  after(() => edge.close());
  const token = await edge.tokenFor();
  const headers = { "idempotency-key": "one", traceparent };
  const { body } = await call(edge.url, "POST", "/top-ups", { token, body: aTopUp, headers });
  const processId = String(body.processId);
  await call(edge.url, "GET", `/processes/${processId}`, { token });
  const metrics = (await Promise.all(edge.registers.map((one) => one.getMetricsAsJSON()))).flat();
  const durations = metrics.find(({ name }) => name === "entente_http_request_duration_seconds");
  const told = (durations?.values ?? []).flatMap((value) => {
    const { exemplar } = value as { exemplar?: { labelSet: object; value: number } };
    return exemplar === undefined ? [] : [{ route: value.labels.route, ...exemplar }];
  });
  assert.deepEqual(
    told.map(({ route, labelSet }) => ({ route, labelSet })),
    [
      {
        route: "/top-ups",
        labelSet: {
          process_id: processId,
          trace_id: traceparent.slice(3, 35),
          span_id: processId.slice(19, 23) + processId.slice(24),
          caller: "01",
        },
      },
    ],
  );
  assert.ok(told.every(({ value }) => value > 0));
});
