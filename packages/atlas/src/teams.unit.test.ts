import assert from "node:assert/strict";
import { test } from "node:test";
import type { SystemDefinition } from "@entente/core";
import type { ContractSnapshot } from "@entente/core/internal";
import { drawAtlas } from "./draw-atlas.ts";
import { acting, shop, shopAtlas } from "./shop.fixture.ts";
import { type TeamLoad, type Teams, teamLoads } from "./teams.ts";

const carrier = acting("command-with-callback", "carrier");
const treaty = {
  ...carrier,
  runbook: {
    ...carrier.runbook,
    technicalOwner: "Platform",
    alertThresholds: "One blocked; five in fallout.",
  },
};
/** The shop's contexts, with one treaty of the platform. */
const definition: SystemDefinition = {
  ...shop,
  contexts: shop.contexts.map((context) => ({
    ...context,
    treaties: context.name === "shipping" ? [treaty] : [],
  })),
};
const teams: Teams = {
  contexts: { front: "Shop window", orders: "Orders", shipping: "Platform" },
  counterparties: { carrier: "Carrier" },
  incidents: { team: "Platform", alerts: 3 },
};
const message = { kind: "event", compatibility: "full", schemaVersion: "2.1.0" } as const;
const snapshot: ContractSnapshot = {
  system: "shop",
  messages: {
    "shop.ordered": {
      ...message,
      context: "orders",
      versions: { "2.0.0": {}, "2.1.0": {} },
      retired: ["1.0.0"],
    },
    // Nobody else reads it.
    "shop.shipped": { ...message, context: "shipping", versions: { "2.0.0": {}, "2.1.0": {} }, retired: [] },
  },
  treaties: {},
  broken: [
    {
      date: "2026-03-02",
      reason: "Agreed.",
      changes: ["shop.ordered: member-missing /a", "shop.ordered: x"],
    },
  ],
};
const { contract, openApi } = shopAtlas;
const input = { teams, definition, contract, openApi, snapshot };
const loadOf = (team: string, given = input): TeamLoad => {
  const found = teamLoads(given).find((load) => load.team === team);
  assert.ok(found !== undefined);
  return found;
};

test("each team has what it owns counted: interfaces, schemas and alerts", () => {
  assert.deepEqual(
    teamLoads(input).map(({ team, interfaces, schemas, alerts }) => [team, interfaces, schemas, alerts]),
    [
      ["Carrier", { operations: 0, journals: 0, treaties: 0, systems: 1 }, { messages: 0, ofTreaties: 0 }, 0],
      ["Orders", { operations: 0, journals: 1, treaties: 0, systems: 0 }, { messages: 1, ofTreaties: 0 }, 0],
      // A request and an answer; two thresholds and three pages.
      [
        "Platform",
        { operations: 0, journals: 1, treaties: 1, systems: 0 },
        { messages: 1, ofTreaties: 2 },
        5,
      ],
      [
        "Shop window",
        { operations: 1, journals: 1, treaties: 0, systems: 0 },
        { messages: 1, ofTreaties: 0 },
        0,
      ],
    ],
  );
  assert.deepEqual(loadOf("Carrier").counterparties, ["carrier"]);
  const tagged = {
    openapi: "3.1.0",
    paths: { "/orders": { post: {} }, "/ops/x": { get: { tags: ["operations"] } } },
  };
  const split = { ...input, openApi: tagged, teams: { ...teams, operations: { operations: "Platform" } } };
  assert.deepEqual(
    ["Shop window", "Platform"].map((team) => loadOf(team, split).interfaces.operations),
    [1, 1],
  );
});

test("teams meet where messages go from one to the other; what a team sends itself is nobody else's", () => {
  assert.deepEqual(loadOf("Orders").meets, [
    { team: "Platform", arrows: 1, messages: 1 },
    // The command, and the fact that answers it.
    { team: "Shop window", arrows: 2, messages: 2 },
  ]);
  const one = {
    ...input,
    teams: { ...teams, contexts: { front: "Orders", orders: "Orders", shipping: "Orders" } },
  };
  assert.deepEqual(
    loadOf("Orders", one).meets.map(({ team }) => team),
    ["Carrier"],
  );
});

test("changes of messages between teams are counted for both, and those of messages that stay in a team for none", () => {
  // 1.0.0 was first; 2.0.0 and 2.1.0 came after, and one break was accepted.
  for (const team of ["Orders", "Platform", "Shop window"])
    assert.equal(loadOf(team).crossTeamChanges, 3, team);
  assert.equal(loadOf("Carrier").crossTeamChanges, 0);
  assert.equal(loadOf("Orders", { ...input, snapshot: null } as never).crossTeamChanges, 0);
});

test("a context or a system without a team is no listing", () => {
  const { front: _left, ...contexts } = teams.contexts;
  assert.throws(
    () => teamLoads({ ...input, teams: { ...teams, contexts } }),
    /the context front has no team/,
  );
  assert.throws(
    () => teamLoads({ ...input, teams: { ...teams, counterparties: {} } }),
    /counterparty carrier/,
  );
});

test("the documents have the listing as a page and for programs, and a system without teams has none", () => {
  const { pages, site } = drawAtlas({ ...shopAtlas, definition, teams, snapshot });
  const told = JSON.parse(pages.get("teams.json") ?? "") as { teams: unknown };
  assert.deepEqual(told.teams, JSON.parse(JSON.stringify(teamLoads(input))));
  assert.match(pages.get("teams.md") ?? "", /^\| Orders \| 1 \(journals: 1\) \|.*\| 3 \|$/m);
  assert.ok(site.has("teams.html"));
  assert.ok(!drawAtlas(shopAtlas).pages.has("teams.md"));
});
