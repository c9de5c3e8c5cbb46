import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import { isFailure } from "@entente/core/model";
import { showProcess } from "./process.ts";
import { type Story, storyLines } from "./process-story.ts";

const id = "0199f0e2-7a3b-7c4d-8e5f-0123456789ab";
const step = { entryId: id, context: "front", at: "2026-11-29T22:00:00.000Z", data: {}, customer: null };
const story: Story = {
  processId: id,
  process: { type: "top-up", state: "confirmed" },
  steps: [
    {
      ...step,
      depth: 0,
      type: "flux.top-up",
      afterMs: 0,
      actor: { kind: "customer", name: "cust-1" },
      customer: { state: "queued", text: "We have it." },
    },
    {
      ...step,
      depth: 1,
      context: "ledger",
      type: "entente.hand-off-unknown",
      afterMs: 1_250,
      actor: { kind: "counterparty", name: "sap", treaty: "sap-ledger" },
      data: { state: "unknown", code: "504" },
    },
    {
      ...step,
      depth: 1,
      type: "entente.parked-corrected",
      afterMs: 90_000,
      actor: { kind: "operator", name: "bob", why: "a typing\u001b[2Jmistake" },
    },
  ],
  attempts: [
    {
      entryId: id,
      what: "flux.top-up",
      attempts: [
        { attempt: 1, ordered: null, changes: null, outcomes: [{ state: "parked", code: "x", means: null }] },
        {
          attempt: 2,
          ordered: { by: "bob", why: "a mistake" },
          changes: [
            { pointer: "/units", before: 1_000, after: 10 },
            { pointer: "/mark", before: "m" },
          ],
          outcomes: [],
        },
      ],
    },
  ],
  handOffs: [
    {
      treaty: "sap-ledger",
      target: "sap",
      state: "rejected",
      externalReference: null,
      trouble: { class: "BUSINESS_REJECTED", code: "F5", text: null, means: "The period is closed." },
    },
  ],
  cases: [{ kind: "rejected", owner: "Accounting", says: "No.", closedBy: "olga", closedWhy: "by hand" }],
  tookPart: { contexts: ["front", "ledger"], counterparties: ["sap"], people: ["bob"] },
  away: ["entitlement"],
  more: true,
};

test("a story about another process says so first, and what an act changed, member by member", () => {
  const lines = storyLines({
    ...story,
    about: { processId: id, type: "top-up", state: "failed", text: "This top-up was undone." },
    steps: [
      {
        ...step,
        depth: 0,
        type: "flux.top-up-undone",
        afterMs: 0,
        actor: { kind: "context", name: "subscription" },
        data: { before: { cycle: "2026-11", usedUnits: 104 }, after: { cycle: "2026-11", usedUnits: 0 } },
      },
    ],
  });
  assert.equal(lines[1], `about top-up failed  ${id} – This top-up was undone.`);
  assert.match(lines[3] ?? "", /^ +usedUnits: 104 → 0$/);
});

test("the story is a tree with clocks, people, causes and what the customer saw", () => {
  assert.deepEqual(storyLines(story), [
    `top-up confirmed  ${id}`,
    "       0.000 s  front flux.top-up  by customer cust-1",
    "                  customer sees: queued – We have it.",
    "       1.250 s    ledger entente.hand-off-unknown  (unknown, 504)  by counterparty sap",
    "      90.000 s    front entente.parked-corrected  by operator bob: a typing\ufffd[2Jmistake",
    "",
    "Attempts",
    "  flux.top-up, attempt 1",
    "    parked, x",
    "  flux.top-up, attempt 2, by bob: a mistake",
    "    /units: 1000 → 10",
    '    /mark: "m" → nothing',
    "",
    "Hand-offs",
    "  sap-ledger (sap): rejected; last trouble: BUSINESS_REJECTED, F5, The period is closed.",
    "",
    "Cases",
    "  rejected, Accounting: No. (closed by olga: by hand)",
    "",
    "Took part",
    "  contexts: front, ledger",
    "  counterparties: sap",
    "  people: bob",
    "Missing, because it does not answer: entitlement",
    "There is more: ask with a higher --limit.",
  ]);
});

const requests: IncomingMessage[] = [];
let answer: { status: number; body: string } = { status: 200, body: "{}" };
const server = createServer((request, response) => {
  requests.push(request);
  response.writeHead(answer.status, { "content-type": "application/json" }).end(answer.body);
});
let url = "";
before(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());
beforeEach(() => void requests.splice(0));

const show = (environment: NodeJS.ProcessEnv, limit = "7", of = id) =>
  showProcess(of, { limit, json: true }, environment);

test("a running system is asked with the token of the environment, and its answer is printed", async (context) => {
  const said = context.mock.method(console, "log", () => {});
  answer = { status: 200, body: JSON.stringify(story) };
  await show({ ENTENTE_URL: url, ENTENTE_TOKEN: "t-1" });
  assert.equal(requests[0]?.url, `/ops/processes/${id}/timeline?limit=7`);
  assert.equal(requests[0]?.headers.authorization, "Bearer t-1");
  assert.deepEqual(JSON.parse(String(said.mock.calls[0]?.arguments[0])), story);
});

test("what cannot be asked, what is refused and who does not answer have codes", async () => {
  const fails = (asked: Promise<void>, code: string) =>
    assert.rejects(asked, (error) => isFailure(error, code), code);
  await fails(show({ ENTENTE_URL: url }), "process-question-invalid");
  await fails(show({ ENTENTE_URL: url, ENTENTE_TOKEN: "t" }, "1001"), "process-question-invalid");
  await fails(show({ ENTENTE_URL: "not a url", ENTENTE_TOKEN: "t" }), "process-question-invalid");
  await fails(show({ ENTENTE_URL: url, ENTENTE_TOKEN: "t" }, "5", "nonsense"), "process-question-invalid");
  assert.deepEqual(requests, []);
  answer = {
    status: 404,
    body: JSON.stringify({ code: "process-unknown", detail: "You have no such process." }),
  };
  await assert.rejects(show({ ENTENTE_URL: url, ENTENTE_TOKEN: "t" }), {
    code: "process-not-shown",
    message: "The system answered 404 (process-unknown). You have no such process.",
  });
  await fails(show({ ENTENTE_URL: "http://127.0.0.1:1", ENTENTE_TOKEN: "t" }), "system-not-reached");
});
