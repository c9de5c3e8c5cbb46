import assert from "node:assert/strict";
import { test } from "node:test";
import { Type } from "typebox";
import { Failure } from "../model/failure.ts";
import { databaseOf, openTestBed } from "../testing/test-bed.fixture.ts";
import { runbookEntries, sheetTextEntries, treatyQuestions } from "./contract-sheet.ts";
import { defineReadingTreaty, type ReadingTreaty, type Reply } from "./treaty.ts";
import type { TreatyEvent } from "./treaty-events.ts";

const bed = await openTestBed();
const act = { tenantId: "acme", by: "ann", why: "drill" };

const says = <Name extends string>(names: readonly Name[]) =>
  Object.fromEntries(names.map((name) => [name, `Says ${name}.`])) as Record<Name, string>;

/** Validates a billing account, as far as `ask` lets it. */
function accountCheck(ask: () => Promise<Reply>): ReadingTreaty {
  return defineReadingTreaty({
    name: "account-check",
    version: "1.0.0",
    kind: "synchronous-query",
    target: "billing",
    sheet: says(sheetTextEntries),
    runbook: says(runbookEntries),
    answers: says(treatyQuestions),
    style: {
      userWaitsForTheAnswer: true,
      runsLong: false,
      counterpartyMayBeAway: true,
      hasAnEffect: false,
      staleAnswerWillDo: true,
      flowNeedsTheResult: false,
    },
    credentials: [],
    errorMap: { "401": { class: "SECURITY_CONFIGURATION_FAILURE", means: "Key refused." } },
    input: Type.Object({ account: Type.String() }),
    output: Type.Object({ open: Type.Boolean() }),
    ask,
    translate: ({ body }) => ({ says: "completed", answer: body }),
    timeoutMs: 20_000,
    staleAllowedMs: 60_000,
    limits: { concurrency: 8, ratePerSecond: 1_000 },
  }) as unknown as ReadingTreaty;
}

const isOpen = async (): Promise<Reply> => ({ body: { open: true }, status: "200", raw: "{}" });
const isRefused = (): Promise<Reply> =>
  Promise.reject(new Failure("unavailable", "bank-refused", "No.", { fields: { externalCode: "401" } }));

/** Two programs of one system, and what the counterparty says to both. */
async function scene() {
  const name = bed.newName();
  const lines: TreatyEvent[] = [];
  const they = { asked: 0, say: isOpen };
  const treaty = accountCheck(() => {
    they.asked++;
    return they.say();
  });
  const start = async () => {
    const contexts = [
      { name: "front", intake: { processes: [], factsFrom: ["desk"] } },
      { name: "desk", treaties: [treaty] },
    ];
    const outside = { report: (event: TreatyEvent): void => void lines.push(event) };
    return (await bed.start({ name, contexts }, { outside })).system;
  };
  const [one, other] = [await start(), await start()];
  const states = async () =>
    (await one.treaties.states("desk")).map(({ stopped, code, by }) => [stopped, code, by]);
  return {
    one,
    other,
    they,
    lines,
    states,
    ask: (system = one, account = "a-1") => system.treaties.ask("account-check", "acme", { account }),
    cases: () => one.treaties.cases("desk", "acme", 10),
  };
}

test("stopped by an operator it answers at once, in every process, until a person lets it go on", async () => {
  const { one, other, they, states, ask } = await scene();
  const { at } = (await ask()) as { readonly at: number };
  await other.treaties.setStopped("account-check", true, act);
  assert.deepEqual(await states(), [[true, null, "ann"]]);
  const answer = { open: true };
  const code = "treaty-stopped";
  assert.deepEqual(await ask(), { outcome: "stale", answer, at, code });
  assert.deepEqual(await ask(other), { outcome: "unavailable", code }, "what it has never heard");
  assert.equal(they.asked, 1);
  await one.treaties.setStopped("account-check", false, { ...act, by: "bob" });
  assert.deepEqual(await states(), [[false, null, "bob"]]);
  assert.deepEqual([(await ask()).outcome, (await ask(other)).outcome], ["answered", "answered"]);
  const acts = await databaseOf(one, "desk").execute<{ type: string; by: string }>(
    "select type, data->>'by' as by from entente.journal where type like 'entente.treaty-%' order by xid, seq",
  );
  assert.deepEqual(
    acts.map(({ type, by }) => [type, by]),
    [
      ["entente.treaty-stopped", "ann"],
      ["entente.treaty-resumed", "bob"],
    ],
  );
});

test("refused credentials stop it in every process and open one case, which lets it go on", async () => {
  const { one, other, they, lines, states, ask, cases } = await scene();
  const refused = { outcome: "unavailable", code: "401" };
  // Both processes are refused at once, each more than once.
  const allAsked = Promise.withResolvers<void>();
  they.say = () => {
    if (they.asked === 4) allAsked.resolve();
    return allAsked.promise.then(isRefused);
  };
  const all = [one, other, one, other].map((system, n) => ask(system, `a-${n}`));
  assert.deepEqual(await Promise.all(all), [refused, refused, refused, refused]);
  assert.deepEqual(await states(), [[true, "401", "entente"]]);
  const [open, ...more] = await cases();
  assert.deepEqual(
    [open?.kind, open?.code, open?.owner, open?.treaty, more],
    ["credentials-refused", "401", "Says businessOwner.", "account-check", []],
  );
  assert.match(open?.says ?? "", /stopped.*runbook of Says integrationName/);
  const told = lines.flatMap((line) => (line.event === "case" ? [line] : []));
  assert.deepEqual(
    told.map(({ step, by, code }) => [step, by, code]),
    [["opened", "Says businessOwner.", "SECURITY_CONFIGURATION_FAILURE"]],
  );
  they.say = isRefused;
  for (const system of [one, other])
    assert.deepEqual(await ask(system), { outcome: "unavailable", code: "treaty-stopped" });
  assert.equal(they.asked, 4);

  // Let go on in vain: refused and stopped again, and the open case is enough.
  await one.treaties.setStopped("account-check", false, act);
  assert.deepEqual(await ask(), refused);
  assert.deepEqual([(await states())[0]?.[0], (await cases()).length, they.asked], [true, 1, 5]);

  they.say = isOpen;
  await one.treaties.decideCase("desk", { ...act, caseId: open?.caseId ?? "", act: "resume-treaty" });
  assert.deepEqual([(await ask(other)).outcome, await cases()], ["answered", []]);
});
