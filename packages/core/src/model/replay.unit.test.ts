import assert from "node:assert/strict";
import { test } from "node:test";
import type { Entry, JsonObject } from "./entry.ts";
import { laneCount } from "./lane.ts";
import { openReplay, type Reducer, type ReplayRules, type StoredOutcome } from "./replay.ts";

/** A counter of each key, whose facts say what was added and what it came to. */
const counter: Reducer<{ readonly total: number }> = {
  name: "counter",
  source: "shop",
  initial: { total: 0 },
  steps: {
    added: {
      1: {
        evolve: (_, { data }) => ({ total: Number(data.total) }),
        disagrees: ({ total }, { data }) =>
          Number(data.total) === total + Number(data.by)
            ? null
            : `${total} and ${data.by} are not ${data.total}`,
      },
      2: { evolve: ({ total }, { data }) => ({ total: total + 2 * Number(data.by) }) },
    },
  },
  outcome: ({ total }) => ({ total }),
};
const rules: ReplayRules = { reducers: [counter as never], processes: {} };

function added(keyVersion: number, by: number, total: number, schemaVersion = "1.0.0"): Entry {
  return {
    id: `id-${keyVersion}`,
    kind: "event",
    type: "added",
    schemaVersion,
    source: "shop",
    target: null,
    tenantId: "demo",
    key: "k",
    keyVersion,
    processId: `p-${keyVersion}`,
    correlationId: "c",
    causationId: null,
    customerId: null,
    ttlMs: null,
    traceparent: null,
    occurredAt: 0,
    data: { by, total },
    position: { xid: String(keyVersion), seq: "1" },
    lane: 0,
  };
}

function stored(outcome: JsonObject, upTo: number, generation = "g"): StoredOutcome {
  const lanes = Array.from({ length: laneCount }, () => ({ xid: String(upTo), seq: "1" }));
  return { what: "counter", id: "k", stored: outcome, foldedBy: null, upTo: { shop: { generation, lanes } } };
}

function replayed(entries: readonly Entry[], outcomes: readonly StoredOutcome[] = []) {
  const replay = openReplay(rules, outcomes, true);
  entries.forEach((entry, i) => {
    replay.take(10 + i, "g", entry);
  });
  return replay.end();
}

const three = [added(1, 5, 5), added(2, 1, 6), added(3, 4, 10)];

test("an outcome is compared with the state at its own position, not with the last one", () => {
  const { rebuilt, findings } = replayed(three, [stored({ total: 6 }, 2)]);
  assert.deepEqual(findings, []);
  assert.deepEqual(
    rebuilt.map(({ agrees, outcome, entries, lastIndex, state }) => ({
      agrees,
      outcome,
      entries,
      lastIndex,
      state,
    })),
    [{ agrees: true, outcome: { total: 6 }, entries: 3, lastIndex: 12, state: { total: 10 } }],
  );
});

test("a stored outcome that stopped earlier names the first entry that is not in it", () => {
  const { findings } = replayed(three, [stored({ total: 5 }, 3)]);
  assert.deepEqual(
    findings.map(({ what, index }) => [what, index]),
    [["outcome-differs", 11]],
  );
});

test("a stored outcome that no entry leads to is named at the last entry it claims to reflect", () => {
  const { findings, rebuilt } = replayed(three, [stored({ total: 7 }, 2)]);
  assert.deepEqual(
    findings.map(({ what, index }) => [what, index]),
    [["outcome-differs", 11]],
  );
  assert.match(findings[0]?.says ?? "", /\/total: evidence 6, stored 7/);
  assert.equal(rebuilt[0]?.agrees, false);
});

test("a fact that does not follow from those before it is named, and nothing is rebuilt from there on", () => {
  const { findings, rebuilt } = replayed(
    [added(1, 5, 5), added(2, 1, 7), added(3, 1, 8)],
    [stored({ total: 8 }, 3)],
  );
  assert.deepEqual(findings, [{ what: "fact-disagrees", index: 11, id: "k", says: "5 and 1 are not 7" }]);
  assert.deepEqual([rebuilt[0]?.state, rebuilt[0]?.agrees], [{ total: 5 }, false]);
});

test("a fact that is left out is missed", () => {
  const { findings } = replayed([added(1, 5, 5), added(3, 4, 10)]);
  assert.deepEqual(
    findings.map(({ what, index }) => [what, index]),
    [["fact-missing", 11]],
  );
});

test("each major version of a fact is folded by its own step, and an unknown one by none", () => {
  assert.deepEqual(replayed([added(1, 5, 5), added(2, 3, 0, "2.4.0")]).rebuilt[0]?.state, { total: 11 });
  assert.deepEqual(
    replayed([added(1, 5, 5, "3.0.0")]).findings.map(({ what }) => what),
    ["reducer-missing"],
  );
});

test("entries of another generation of the journal are in no outcome", () => {
  const { findings } = replayed(three, [stored({ total: 10 }, 3, "restored")]);
  assert.equal(findings[0]?.what, "outcome-differs");
});

test("an outcome without any evidence, and evidence whose payload is gone, are said", () => {
  const replay = openReplay(rules, [stored({ total: 1 }, 1)], true);
  replay.miss(4, "shop", "p");
  assert.deepEqual(
    replay.end().findings.map(({ what, index }) => [what, index]),
    [
      ["payload-erased", 4],
      ["outcome-unevidenced", null],
    ],
  );
});
