import assert from "node:assert/strict";
import { test } from "node:test";
import { openRuleBook } from "./rule-book.ts";

/** A system whose requests carry several things that are refused one by one. */
function book() {
  return openRuleBook(
    {
      name: "batches",
      title: "Batches",
      operations: {
        post: { does: "POST /batches", effect: true, callback: false, inParts: true },
        take: { does: "POST /notes", effect: true, callback: false },
      },
      rejections: { closed: { means: "Closed." } },
      credentials: {},
    },
    7,
  );
}

const rejection = { behaviour: { behaviour: "rejection", reason: "closed" }, when: {}, times: null } as const;
const whole = { operation: "post", keys: ["a", "b"] };
const part = (key: string) => ({ operation: "post", keys: [key] });

test("no rejection is chosen for a request that is refused in parts, and none is counted", () => {
  const rules = book();
  rules.add(rejection);
  assert.equal(rules.choose(whole), null);
  assert.equal(rules.list()[0]?.applied, 0);
  assert.equal(rules.chooseForPart(part("a")), "closed");
  assert.equal(rules.list()[0]?.applied, 1);
});

test("other operations are refused as a whole", () => {
  const rules = book();
  rules.add(rejection);
  assert.deepEqual(rules.choose({ operation: "take", keys: [] }), rejection.behaviour);
});

test("a rejection with a key is for the part with that key, as often as it says", () => {
  const rules = book();
  rules.add({ ...rejection, when: { key: "b" }, times: 1 });
  assert.deepEqual([rules.chooseForPart(part("a")), rules.chooseForPart(part("b"))], [null, "closed"]);
  assert.equal(rules.chooseForPart(part("b")), null);
});

test("other behaviours are chosen for the request, past rejections before them", () => {
  const rules = book();
  rules.add(rejection);
  rules.add({ behaviour: { behaviour: "drop", effect: true }, when: {}, times: 1 });
  assert.deepEqual(rules.choose(whole), { behaviour: "drop", effect: true });
  assert.equal(rules.chooseForPart(part("a")), "closed");
});

test("an exception for one time is for one part, and keeps other behaviours from its request", () => {
  const rules = book();
  rules.add({ behaviour: { behaviour: "success" }, when: {}, times: 1 });
  rules.add({ behaviour: { behaviour: "unauthorized" }, when: {}, times: null });
  rules.add(rejection);
  assert.deepEqual(rules.choose(whole), { behaviour: "success" });
  assert.deepEqual([rules.chooseForPart(part("a")), rules.chooseForPart(part("b"))], [null, "closed"]);
  assert.deepEqual(rules.choose(whole), { behaviour: "unauthorized" });
});
