import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type Advance,
  advance,
  type Finding,
  type HandOffLife,
  type HandOffState,
  handOffMoves,
  isDispatchable,
  isSettled,
  newHandOff,
  type Observation,
  type Witness,
} from "./hand-off.ts";

const limits = { triesAllowed: 3 };
const findings: readonly Finding[] = [
  "accepted",
  "completed",
  "rejected",
  "not-done",
  "unclear",
  "blocked",
  "conflict",
  "unclassified",
];
const witnesses: readonly Witness[] = ["answer", "callback", "inquiry", "person"];

const observation: fc.Arbitrary<Observation> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Observation>({ what: "dispatched" }) },
  {
    weight: 8,
    arbitrary: fc.record({
      what: fc.constant("found" as const),
      by: fc.constantFrom(...witnesses),
      finding: fc.constantFrom(...findings),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Observation>({ what: "courier-lost" }) },
  { weight: 1, arbitrary: fc.constant<Observation>({ what: "overdue" }) },
  { weight: 1, arbitrary: fc.constant<Observation>({ what: "person-due" }) },
  { weight: 1, arbitrary: fc.constant<Observation>({ what: "withdrawn" }) },
  { weight: 1, arbitrary: fc.constant<Observation>({ what: "rows-done" }) },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant("decided" as const),
      decision: fc.constantFrom("try-anew" as const, "give-up" as const, "escalate" as const),
    }),
  },
);

/** Applies observations one by one and looks at each step. */
function walk(
  observations: readonly Observation[],
  look: (before: HandOffLife, seen: Observation, step: Advance) => void,
): HandOffLife {
  let life = newHandOff;
  for (const seen of observations) {
    const step = advance(life, seen, limits);
    look(life, seen, step);
    life = step.life;
  }
  return life;
}

const property = (look: (before: HandOffLife, seen: Observation, step: Advance) => void): void =>
  fc.assert(
    fc.property(fc.array(observation, { maxLength: 40 }), (seen) => void walk(seen, look)),
    { numRuns: 3_000 },
  );

const life = (said: Partial<HandOffLife>): HandOffLife => ({ ...newHandOff, ...said });
const found = (by: Witness, finding: Finding): Observation => ({ what: "found", by, finding });
const movesOf = (from: Partial<HandOffLife>, seen: Observation) => advance(life(from), seen, limits).moves;

test("only listed moves are made, each from where the one before it led", () => {
  property((before, _seen, step) => {
    let state: HandOffState = before.state;
    for (const move of step.moves) {
      assert.equal(handOffMoves[move].from, state);
      state = handOffMoves[move].to;
    }
    assert.equal(step.life.state, state);
    assert.equal(step.verdict === "moved", step.moves.length > 0);
  });
});

test("completed and cancelled are final", () => {
  property((before, _seen, step) => {
    if (before.state === "completed" || before.state === "cancelled")
      assert.equal(step.life.state, before.state);
  });
});

test("unknown is left by inquiry, callback or a person's evidence, and otherwise only for a person's desk, still in doubt", () => {
  property((before, seen, step) => {
    if (before.state !== "unknown" || step.moves.length === 0) return;
    const evidence = seen.what === "found" && seen.by !== "answer";
    if (evidence) return;
    assert.deepEqual([seen.what, step.life.state, step.life.doubt], ["person-due", "fallout", true]);
  });
});

test("what is known to have happened is never given up, rejected, sent again or forgotten", () => {
  property((before, seen, step) => {
    if (!before.effectKnown) return;
    assert.equal(step.life.effectKnown, true);
    assert.ok(
      !["cancelled", "rejected", "sent"].includes(step.life.state) || step.life.state === before.state,
    );
    if (seen.what === "dispatched") assert.equal(step.verdict, "refused");
  });
});

test("nothing is sent while an earlier sending may have had its effect, and a new attempt needs proof that it had none", () => {
  property((before, seen, step) => {
    if (seen.what === "dispatched") {
      assert.equal(step.verdict === "moved", isDispatchable(before));
      if (step.verdict === "moved") assert.equal(before.doubt, false);
    }
    if (step.life.attempt !== before.attempt) {
      assert.deepEqual({ ...seen }, { what: "decided", decision: "try-anew" });
      assert.deepEqual([before.state, before.doubt, before.effectKnown], ["fallout", false, false]);
      assert.equal(step.life.attempt, before.attempt + 1);
    }
  });
});

test("doubt ends with evidence only", () => {
  property((before, seen, step) => {
    if (before.doubt && !step.life.doubt) assert.equal(seen.what, "found");
  });
});

test("sendings under one key are bounded", () => {
  property((_before, _seen, step) => assert.ok(step.life.tries <= limits.triesAllowed));
});

test("every listed move is made by some sequence of observations", () => {
  const made = new Set<string>();
  const anew: readonly Observation[] = [
    { what: "dispatched" },
    found("answer", "rejected"),
    { what: "decided", decision: "escalate" },
    { what: "decided", decision: "try-anew" },
    { what: "dispatched" },
  ];
  walk(anew, (_before, _seen, step) => {
    for (const move of step.moves) made.add(move);
  });
  property((_before, _seen, step) => {
    for (const move of step.moves) made.add(move);
  });
  assert.deepEqual([...made].sort(), Object.keys(handOffMoves).sort());
});

/** A counterparty that knows no keys: whatever reaches it has an effect unless it declines. It tells the truth when it answers. */
test("against a counterparty that does not recognise repeats, no order of losses, delays, questions and decisions makes two effects, a completion without effect or an end without completion after an effect", () => {
  type Step =
    | "send-done"
    | "send-declined"
    | "send-lost-done"
    | "send-lost"
    | "send-late"
    | "arrives"
    | "ask"
    | "call";
  const steps: readonly Step[] = [
    "send-done",
    "send-declined",
    "send-lost-done",
    "send-lost",
    "send-late",
    "arrives",
    "ask",
    "call",
  ];
  // Evidence comes from the counterparty alone; one act has no rows that could be done.
  const own = new Set(["dispatched", "found", "rows-done"]);
  const move = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...steps) },
    {
      weight: 2,
      arbitrary: observation.filter(({ what }) => !own.has(what)),
    },
  );
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
      let now = newHandOff;
      let effects = 0;
      let underway = 0;
      let lastKeyHasEffect = false;
      const see = (seen: Observation): void => {
        const step = advance(now, seen, limits);
        assert.notEqual(step.verdict, "impossible", `${JSON.stringify(now)} ${JSON.stringify(seen)}`);
        if (step.life.attempt !== now.attempt) lastKeyHasEffect = false;
        now = step.life;
      };
      const effect = (): void => {
        effects++;
        lastKeyHasEffect = true;
      };
      for (const one of moves) {
        if (typeof one === "object") see(one);
        else if (one === "arrives") {
          if (underway > 0) {
            underway--;
            effect();
          }
        } else if (one === "ask") {
          // Asked only once nothing is under way any more: the treaty's inFlightMs.
          if (underway === 0 && now.state !== "sent" && now.tries > 0)
            see(found("inquiry", lastKeyHasEffect ? "completed" : "not-done"));
        } else if (one === "call") {
          if (lastKeyHasEffect) see(found("callback", "completed"));
        } else if (isDispatchable(now)) {
          see({ what: "dispatched" });
          if (one === "send-done") {
            effect();
            see(found("answer", "completed"));
          } else if (one === "send-declined") see(found("answer", "not-done"));
          else {
            if (one === "send-lost-done") effect();
            if (one === "send-late") underway++;
            see(found("answer", "unclear"));
          }
        }
        assert.ok(effects <= 1, `${effects} effects`);
        if (now.state === "completed") assert.equal(effects, 1);
        if (now.state === "cancelled" || now.state === "rejected") assert.equal(effects + underway, 0);
      }
    }),
    { numRuns: 5_000 },
  );
});

test("an answer that says done is taken in, then completed", () => {
  assert.deepEqual(movesOf({ state: "sent", tries: 1, doubt: true }, found("answer", "completed")), [
    "take-in",
    "complete",
  ]);
});

test("silence becomes unknown, and unknown is sent again only after the authority says that it did not happen", () => {
  const sent = advance(newHandOff, { what: "dispatched" }, limits).life;
  const lost = advance(sent, found("answer", "unclear"), limits).life;
  assert.equal(lost.state, "unknown");
  assert.equal(advance(lost, { what: "dispatched" }, limits).verdict, "refused");
  const asked = advance(lost, found("inquiry", "not-done"), limits).life;
  assert.equal(asked.state, "retry_wait");
  assert.equal(advance(asked, { what: "dispatched" }, limits).life.tries, 2);
});

test("the last sending that did not happen goes to a person", () => {
  const last = { state: "sent", tries: 3, doubt: true } as const;
  assert.deepEqual(movesOf({ ...last, tries: 2 }, found("answer", "not-done")), ["put-off"]);
  assert.deepEqual(movesOf(last, found("answer", "not-done")), ["put-off", "exhaust"]);
});

test("an unmapped code goes to a person in doubt, who must bring evidence before anything is sent or given up", () => {
  const desk = advance(
    life({ state: "sent", tries: 1, doubt: true }),
    found("answer", "unclassified"),
    limits,
  ).life;
  assert.deepEqual([desk.state, desk.doubt], ["fallout", true]);
  const decide = (from: HandOffLife, decision: "try-anew" | "give-up") =>
    advance(from, { what: "decided", decision }, limits);
  assert.equal(decide(desk, "try-anew").verdict, "refused");
  assert.equal(decide(desk, "give-up").verdict, "refused");
  const cleared = advance(desk, found("person", "not-done"), limits).life;
  assert.equal(decide(cleared, "give-up").life.state, "cancelled");
  const anew = decide(cleared, "try-anew").life;
  assert.deepEqual([anew.attempt, anew.tries], [2, 0]);
  assert.deepEqual(advance(anew, { what: "dispatched" }, limits).moves, ["try-anew"]);
});

test("what was withdrawn while unknown and turns out done is completed and must be undone; not done, it is cancelled", () => {
  const unknown = life({ state: "unknown", tries: 1, doubt: true });
  const unwanted = advance(unknown, { what: "withdrawn" }, limits);
  assert.deepEqual([unwanted.verdict, unwanted.unwanted], ["noted", false]);
  const done = advance(unwanted.life, found("callback", "completed"), limits);
  assert.deepEqual([done.life.state, done.unwanted], ["completed", true]);
  assert.equal(advance(unwanted.life, found("inquiry", "not-done"), limits).life.state, "cancelled");
});

test("a batch whose rows are all settled is done from wherever nothing of it is under way, and from nowhere else", () => {
  for (const state of ["retry_wait", "blocked", "rejected", "fallout"] as const) {
    const done = advance(life({ state, tries: 1 }), { what: "rows-done" }, limits);
    assert.deepEqual([done.life.state, done.life.effectKnown], ["completed", true], state);
    assert.equal(
      advance(life({ state, doubt: true }), { what: "rows-done" }, limits).verdict,
      "refused",
      state,
    );
  }
  for (const state of ["created", "sent", "accepted", "unknown", "completed", "cancelled"] as const)
    assert.equal(advance(life({ state }), { what: "rows-done" }, limits).verdict, "refused", state);
});

test("what was refused and is then withdrawn stays refused, and nobody may send it anew", () => {
  const refused = advance(life({ state: "rejected", tries: 1 }), { what: "withdrawn" }, limits);
  assert.deepEqual(
    [refused.verdict, refused.life.state, refused.life.withdrawn],
    ["noted", "rejected", true],
  );
  const decide = (from: HandOffLife, decision: "try-anew" | "give-up" | "escalate") =>
    advance(from, { what: "decided", decision }, limits);
  const taken = decide(refused.life, "escalate").life;
  assert.equal(decide(taken, "try-anew").verdict, "refused");
  assert.equal(decide(taken, "give-up").life.state, "cancelled");
});

test("a stale or contradicting callback moves nothing", () => {
  const done = life({ state: "completed", tries: 1, effectKnown: true });
  assert.equal(advance(done, found("callback", "accepted"), limits).verdict, "stale");
  assert.equal(advance(done, found("callback", "rejected"), limits).verdict, "impossible");
  assert.equal(advance(newHandOff, found("callback", "completed"), limits).verdict, "impossible");
  assert.equal(advance(life({ state: "cancelled" }), found("callback", "completed"), limits).unwanted, true);
});

test("what has ended without its effect keeps its end, whatever is heard: the store holds no known effect under it", () => {
  property((_before, _seen, { life: { state, effectKnown } }) => {
    if (state === "cancelled" || state === "rejected") assert.equal(effectKnown, false);
  });
});

test("refused credentials stop it without doubt, and it is sent once they are mended", () => {
  const blocked = advance(
    life({ state: "sent", tries: 1, doubt: true }),
    found("answer", "blocked"),
    limits,
  ).life;
  assert.deepEqual([blocked.state, blocked.doubt], ["blocked", false]);
  assert.deepEqual(advance(blocked, { what: "dispatched" }, limits).moves, ["unblock"]);
});

test("settled are the states in which the counterparty owes nothing", () => {
  const settled = (Object.values(handOffMoves) as { to: HandOffState }[])
    .map(({ to }) => to)
    .filter(isSettled);
  assert.deepEqual([...new Set(settled)].sort(), ["cancelled", "completed", "fallout", "rejected"]);
});
