/** The eleven tests every integration passes. Source: requirements OMS-117 to OMS-127. */
import assert from "node:assert/strict";
import {
  classify,
  type HandOff,
  type HandOffTreaty,
  isFailure,
  type JsonObject,
  missingIn,
  openEgress,
  type Reply,
} from "@entente/core";
import { validatorOf } from "@entente/core/internal";
import { forgeries, sign } from "./forged-callbacks.ts";
import type { ConformanceTest, Scene } from "./scene.ts";
import type { CounterpartyBehaviour } from "./treaty-counterparty.ts";
import { otherTenant, tenant } from "./treaty-stage.ts";

const person = { by: "conformance", why: "the conformance suite acts for a person" };

export const integrationTests: readonly ConformanceTest[] = [
  {
    name: "contract: nothing is missing, and request, answers and callbacks fit their schemas on the wire",
    async run(scene) {
      const { stage } = scene;
      const { treaty } = stage;
      assert.deepEqual(missingIn(treaty), []);
      const act = await scene.ask();
      const done = await stage.settle(act, "completed");
      const opened = await stage.entries("entente.hand-off-opened");
      const own = opened.find(({ data }) => data.idempotencyKey === done.idempotencyKey);
      const rows = (own?.data.rows ?? []) as readonly JsonObject[];
      for (const request of rows.length === 0 ? [own?.data.request] : rows.map((row) => row.request))
        assert.equal(validatorOf(treaty.input)(request), null, "the request does not fit `input`");
      // Asked again and again, they say the same thing in a shape that `output` describes.
      const reply = await inquire(scene, done);
      assert.equal(validatorOf(treaty.output)(reply.body), null, "their answer does not fit `output`");
      assert.notEqual(treaty.translate(reply, "inquiry").says, "not-known", "they do not know what they did");
      if (treaty.callback === undefined || stage.door === null) return;
      const [message] = await scene.callbacksAbout(done);
      const body: unknown = JSON.parse(String(message?.rawBody));
      assert.equal(validatorOf(treaty.callback.schema)(body), null, "their callback does not fit its schema");
    },
  },
  {
    name: "adapter mapping: every code has its class, and a code or an answer nobody has heard of is never a result",
    async run(scene) {
      const { treaty } = scene.stage;
      const findings = {
        BUSINESS_REJECTED: ["rejected"],
        IDEMPOTENT_SUCCESS: ["accepted", "completed"],
        DUPLICATE_CONFLICT: ["conflict"],
        UNKNOWN: ["unclear"],
        TECHNICAL_RETRYABLE: ["not-done"],
        SECURITY_CONFIGURATION_FAILURE: ["blocked"],
        UNCLASSIFIED_EXTERNAL_FAILURE: ["unclassified"],
      } as const;
      for (const [code, { class: expected, means }] of Object.entries(treaty.errorMap)) {
        const found = classify({ says: "code", code }, treaty.errorMap, "");
        assert.equal(found.class, expected, code);
        assert.ok((findings[expected] as readonly string[]).includes(found.finding), code);
        assert.notEqual(means.trim(), "", code);
      }
      for (const code of ["conformance-no-such-code", "constructor"])
        assert.equal(
          classify({ says: "code", code }, treaty.errorMap, "").class,
          "UNCLASSIFIED_EXTERNAL_FAILURE",
        );
      for (const reply of strangeReplies) assertNoResult(treaty, reply);
      for (const reason of scene.counterparty.rejections) {
        const rejected = await scene.refused(await scene.askRefused(reason), reason);
        if (rejected.state === "rejected") assert.equal(rejected.lastErrorClass, "BUSINESS_REJECTED", reason);
      }
    },
  },
  {
    name: "idempotency: a repeat has the same key and no second effect",
    async run(scene) {
      const { stage } = scene;
      const lost = await stage.settle(await scene.ask({ behaviour: "drop", effect: true }), "completed");
      assert.equal(lost.tries, 1, "what had happened was sent again");
      const never = await stage.settle(await scene.ask({ behaviour: "drop", effect: false }), "completed");
      assert.deepEqual([never.tries, never.attempt], [2, 1], "what had not happened is sent once more");
      assert.equal(await scene.effectsOf(never), 1);
    },
  },
  {
    name: "timeout: it is unknown and not failed, and nothing is repeated before the authority was asked",
    async run(scene) {
      const { stage } = scene;
      // A callback would tell what the answer did not; here nobody tells.
      if (stage.door !== null) stage.door.keepsBack = true;
      const act = await scene.ask({ behaviour: "timeout", effect: true });
      const unknown = await stage.reach(act, "unknown", "rejected", "retry_wait", "fallout", "cancelled");
      assert.equal(unknown.state, "unknown", "silence was taken for an answer");
      assert.equal(unknown.doubt, true);
      const done = await stage.settle(act, "completed");
      assert.equal(done.tries, 1, "it was sent again although it had happened");
      assert.deepEqual((await stage.moves(done)).slice(0, 2), ["dispatch", "lose"]);
    },
  },
  {
    name: "duplicate callback: the same one five times is one move",
    needs: ["callbacks"],
    async run(scene) {
      const { stage } = scene;
      const { door, taken } = await keepBack(scene);
      const [message] = await scene.callbacksAbout(taken);
      assert.ok(message);
      const heard: string[] = [];
      for (let n = 0; n < 5; n++) heard.push((await door.deliver(message)).outcome);
      assert.deepEqual(heard, ["received", "repeated", "repeated", "repeated", "repeated"]);
      for (const other of (await scene.callbacksAbout(taken)).slice(1)) await door.deliver(other);
      const done = await stage.settle(taken, "completed");
      const ends = (await stage.moves(done)).filter((move) => move.includes("complete"));
      assert.equal(ends.length, 1, "a repeated callback moved it again");
    },
  },
  {
    name: "early callback: one that overtakes the answer is handled, and the late answer changes nothing",
    needs: ["callbacks"],
    async run(scene) {
      const { stage, counterparty } = scene;
      const delayMs = Math.floor(stage.treaty.times.answerWithinMs / 2);
      const before = stage.answered();
      const act = await scene.ask({ behaviour: "slow", delayMs, effectFirst: true });
      const done = await stage.settle(act, "completed");
      await scene.callbacksAbout(done);
      assert.equal(done.tries, 1);
      if (counterparty.advance !== undefined) await stage.moveTime(delayMs);
      await stage.until("the late answer", () => stage.answered() > before);
      const moves = await stage.moves(done);
      assert.equal(moves.filter((move) => move.includes("complete")).length, 1, moves.join(", "));
    },
  },
  {
    name: "reconciliation: what nobody told us is found out by asking, with evidence",
    async run(scene) {
      const { stage } = scene;
      const quiet: CounterpartyBehaviour =
        stage.door === null ? { behaviour: "drop", effect: true } : { behaviour: "lost-callback" };
      const act = await scene.ask(quiet);
      await stage.reach(act, "accepted", "unknown", "completed");
      const done = await stage.settle(act, "completed");
      assert.equal(done.tries, 1);
      const [last] = (await stage.moves(done)).slice(-1);
      if (last === "complete" && (await completedBy(scene, done)) === "answer") return;
      const compared = await stage.entries("entente.hand-off-compared");
      const own = compared.filter(({ data }) => data.handOffId === done.handOffId);
      assert.ok(
        own.some(({ data }) => data.result === "external-success"),
        "no comparison is on record",
      );
    },
  },
  {
    name: "rejection: it ends in a case with an owner, is not sent again, and is reworked under a new key",
    needs: ["rejections"],
    async run(scene) {
      const { stage } = scene;
      const reason = scene.counterparty.rejections[0] as string;
      const act = await scene.askRefused(reason);
      const rejected = await scene.refused(act, reason);
      const open = await stage.caseOf(rejected);
      await stage.moveTime(stage.treaty.times.reconcileEveryMs + stage.treaty.times.retryLongestMs * 2);
      assert.equal((await stage.of(act))?.tries, 1, "a refusal was sent again");
      assert.equal(await scene.effectsOf(rejected), 0);
      // Rows that were refused are asked for anew by the domain, under keys of their own.
      if (rejected.state === "completed") return;
      await stage.system.treaties.decideCase(stage.owner, {
        ...person,
        tenantId: tenant,
        caseId: open?.caseId ?? "",
        act: "try-anew",
      });
      const done = await stage.settle(act, "completed");
      assert.equal(done.attempt, 2);
      assert.notEqual(done.idempotencyKey, rejected.idempotencyKey);
    },
  },
  {
    name: "security: a callback that is not signed, changed, guessed or recorded is refused and moves nothing",
    needs: ["callbacks"],
    async run(scene) {
      const { stage, options } = scene;
      const { door, taken } = await keepBack(scene);
      const [genuine] = await scene.callbacksAbout(taken);
      const { verification } = stage.treaty.callback ?? {};
      assert.ok(genuine && verification);
      const before = (await stage.of(taken))?.version;
      const secret = options.secrets?.[verification.secrets[0] ?? ""] ?? null;
      for (const [what, message] of forgeries(verification, secret, genuine, stage.wallNow())) {
        const receipt = await door.deliver(message);
        assert.equal(receipt.outcome, "refused", `a callback that is ${what} was taken`);
      }
      assert.equal((await stage.of(taken))?.version, before, "a forged callback moved the hand-off");
      assert.notEqual((await door.deliver(genuine)).outcome, "refused", "the genuine one was refused");
      await stage.settle(taken, "completed");
    },
  },
  {
    name: "tenant: equal acts of two tenants are two, and what one says or asks about the other's is refused",
    async run(scene) {
      const { stage } = scene;
      const { treaties } = stage.system;
      const id = `both-${stage.wallNow()}`;
      const ours = await stage.settle(await scene.ask(undefined, tenant, id), "completed");
      const theirs = await stage.settle(await scene.ask(undefined, otherTenant, id), "completed");
      assert.notEqual(ours.idempotencyKey, theirs.idempotencyKey);
      assert.deepEqual([await scene.effectsOf(ours), await scene.effectsOf(theirs)], [1, 1]);
      const { handOffId } = theirs;
      assert.equal(await treaties.handOff(stage.owner, { tenantId: tenant, handOffId }), null);
      const [reason] = scene.counterparty.rejections;
      if (reason !== undefined) {
        const refused = await scene.refused(await scene.askRefused(reason, otherTenant), reason);
        const open = await stage.caseOf(refused);
        const decision = { ...person, tenantId: tenant, caseId: open?.caseId ?? "", act: "give-up" } as const;
        await assert.rejects(treaties.decideCase(stage.owner, decision), (error) =>
          isFailure(error, "case-not-open"),
        );
      }
      await callbackOfAnotherTenant(scene);
    },
  },
  {
    name: "replay: reading everything again sends nothing again",
    async run(scene) {
      const { stage } = scene;
      await stage.settle(await scene.ask(), "completed");
      await replay(scene, null);
    },
  },
  {
    name: "replay of a rework: what was refused and sent under a new key is not sent under the old one",
    needs: ["rejections"],
    async run(scene) {
      const { stage, counterparty } = scene;
      const reason = counterparty.rejections[0] as string;
      const act = await scene.askRefused(reason);
      const refused = await scene.refused(act, reason);
      if (refused.state === "completed") return replay(scene, refused);
      const open = await stage.caseOf(refused);
      const decision = { ...person, tenantId: tenant, caseId: open?.caseId ?? "", act: "try-anew" } as const;
      await stage.system.treaties.decideCase(stage.owner, decision);
      const done = await stage.settle(act, "completed");
      await replay(scene, done);
    },
  },
];

/** Nobody has ever answered like this; what it cannot read a treaty throws for. */
export const strangeReplies: readonly Reply[] = [
  { status: "599", body: {}, raw: "{}" },
  { status: "500", body: "<html>", raw: "<html>" },
  { status: "200", body: "", raw: "" },
  { status: "200", body: null, raw: "null" },
  { status: "200", body: { status: "conformance-no-such-status" }, raw: "{}" },
];

function assertNoResult(treaty: HandOffTreaty, reply: Reply): void {
  for (const kind of ["answer", "inquiry"] as const) {
    let says: string;
    try {
      const said = treaty.translate(reply, kind);
      const isReadable = said.says === "code" || validatorOf(treaty.output)(reply.body) === null;
      const { finding } = classify(said, treaty.errorMap, "", kind);
      says = isReadable ? finding : "unclear";
    } catch {
      says = "unclear";
    }
    assert.ok(
      ["unclear", "unclassified"].includes(says),
      `${kind} ${reply.status} ${JSON.stringify(reply.body)} was read as ${says}`,
    );
  }
}

/** Reads everything again, and compares what happened and what is stored about the hand-off in question. Null: about all of them. */
async function replay({ stage, counterparty, ask, isAbout }: Scene, about: HandOff | null): Promise<void> {
  const effects = (await counterparty.effects()).length;
  const before = await stage.all();
  await stage.readAgain();
  // Written after everything else: when it has come through, so has what was there before it.
  const last = await stage.settle(await ask(), "completed");
  const again: string[] = [];
  for (const { key } of (await counterparty.effects()).slice(effects)) {
    const isMeant = key !== null && (about === null || (await isAbout(about, key)));
    if (key === null || (isMeant && !(await isAbout(last, key)))) again.push(key ?? "without a key");
  }
  assert.deepEqual(again, [], "a replay had an effect");
  // Of a batch all others count too: a row that was opened once more would stand in another one.
  const isMeant = (one: HandOff): boolean =>
    about === null || about.rows > 0 || one.handOffId === about.handOffId || actOf(one) === actOf(about);
  const told = (all: readonly HandOff[]) =>
    all
      .filter((one) => one.handOffId !== last.handOffId && isMeant(one))
      .map(({ idempotencyKey, tries }) => `${idempotencyKey} ${tries}`)
      .sort();
  assert.deepEqual(told(await stage.all()), told(before), "a replay sent or opened something");
}

/** What it is about: its keys differ in the attempt only. */
function actOf({ idempotencyKey }: HandOff): string {
  return idempotencyKey.slice(0, idempotencyKey.lastIndexOf(":"));
}

/** Puts the treaty's own question over the wire. */
async function inquire({ stage, options }: Scene, handOff: HandOff): Promise<Reply> {
  const { tenantId, handOffId, idempotencyKey, requestHash, externalReference, correlationId } = handOff;
  const { aggregateType, aggregateId, line } = handOff;
  const about = { tenantId, handOffId, aggregateType, aggregateId, line };
  const rowKeys = (await stage.rows(handOff)).map((row) => row.idempotencyKey);
  return stage.treaty.inquire(
    { ...about, idempotencyKey, requestHash, externalReference, correlationId, rowKeys },
    {
      signal: AbortSignal.timeout(stage.treaty.times.answerWithinMs),
      secret: async (name) => options.secrets?.[name] ?? "",
      connect: openEgress(options.egress ?? { privateRanges: ["127.0.0.0/8", "::1/128"] }).connect,
      count: () => undefined,
    },
  );
}

/** An act whose callbacks have arrived and wait to be delivered by the test. */
async function keepBack(scene: Scene) {
  const { stage } = scene;
  const { door } = stage;
  assert.ok(door);
  door.keepsBack = true;
  const act = await scene.ask();
  const taken = await stage.reach(act, "accepted", "completed");
  await scene.callbacksAbout(taken);
  return { door, taken };
}

/** A genuine message about one tenant's act that says it is another's, where messages say whose they are. */
async function callbackOfAnotherTenant(scene: Scene): Promise<void> {
  const { stage, options } = scene;
  const { callback } = stage.treaty;
  const secret = options.secrets?.[callback?.verification.secrets[0] ?? ""];
  if (stage.door === null || callback === undefined || secret === undefined || secret.startsWith("whpk_"))
    return;
  const { door, taken } = await keepBack(scene);
  const [message] = await scene.callbacksAbout(taken);
  const theirs = message?.rawBody.toString().replaceAll(JSON.stringify(tenant), JSON.stringify(otherTenant));
  const claims = callback.identify(JSON.parse(theirs ?? "null") as JsonObject);
  if (claims.tenantId === otherTenant) {
    const { version } = (await stage.of(taken)) as HandOff;
    const rawBody = Buffer.from(theirs ?? "");
    await door.deliver(sign(callback.verification, secret, rawBody, "of-another-tenant", stage.wallNow()));
    await stage.until("the message of another tenant is decided", async () => {
      const all = await stage.system.treaties.callbacks(stage.owner, otherTenant, 1_000);
      const own = all.find(({ reference }) => reference === claims.reference);
      return own?.status === "refused" || own?.status === "waiting";
    });
    assert.equal((await stage.of(taken))?.version, version, "another tenant's message moved the hand-off");
  }
  for (const one of await scene.callbacksAbout(taken)) await door.deliver(one);
  await stage.settle(taken, "completed");
}

async function completedBy({ stage }: Scene, { handOffId }: HandOff): Promise<unknown> {
  const completed = await stage.entries("entente.hand-off-completed");
  return completed.find(({ data }) => data.handOffId === handOffId)?.data.by;
}
