/** Both sides of a run of the shop: what it asked for and believes, and what really happened at its counterparties. */
import { type HandOff, type HandOffState, handOffKey, handOffMoves } from "@entente/core";
import type { Effect } from "@entente/simulators";
import type { ActBelief, HandOffRun } from "../hand-off-check.ts";
import type { ShopUnderTest } from "./shop-under-test.fixture.ts";

export const tenantId = "acme";

export function paymentKey(paymentId: string): string {
  const about = { tenantId, aggregateType: "payment", aggregateId: paymentId, line: null };
  return handOffKey({ ...about, target: "payments", purpose: "take" }, 1);
}

export function entryKey(entryId: string): string {
  const about = { tenantId, aggregateType: "entry", aggregateId: entryId, line: null };
  return handOffKey({ ...about, target: "ledger", purpose: "post" }, 1);
}

const states = [
  ...new Set(Object.values(handOffMoves).flatMap(({ from, to }) => [from, to])),
] as HandOffState[];

export async function readRun(shop: ShopUnderTest, asked: readonly string[]): Promise<HandOffRun> {
  const handOffs = await shop.system.treaties.handOffs("shop", tenantId, states, null, 1_000_000);
  const cases = await shop.system.treaties.cases("shop", tenantId, 1_000_000);
  const owners = new Map(
    cases.flatMap((one) => (one.handOffId === null ? [] : [[one.handOffId, one.owner]])),
  );
  const beliefOf = (handOff: HandOff, key: string, state: string): ActBelief => ({
    key,
    state,
    mayHaveHappened: handOff.doubt || handOff.effectKnown,
    withdrawn: handOff.withdrawn,
    owner: owners.get(handOff.handOffId) ?? null,
  });
  const batches = new Map(handOffs.filter(({ rows }) => rows > 0).map((one) => [one.handOffId, one]));
  const rows = await shop.database.execute<{ batch: string; key: string; outcome: string }>(
    `select r.hand_off_id as batch, j.data->'rows'->r.row::int->>'idempotencyKey' as key, r.outcome
     from entente.hand_off_row r join entente.journal j on j.id = r.hand_off_id`,
  );
  return {
    asked,
    beliefs: [
      ...handOffs
        .filter(({ handOffId }) => !batches.has(handOffId))
        .map((one) => beliefOf(one, one.idempotencyKey, one.state)),
      ...rows.map(({ batch, key, outcome }) => {
        const handOff = batches.get(batch) as HandOff;
        return beliefOf(handOff, key, outcome === "open" ? handOff.state : outcome);
      }),
    ],
    effects: countEffects(
      paymentsMade(await shop.payments.control.effects()),
      (await shop.ledger.control.effects()).map(({ key }) => entryKey(key ?? "")),
    ),
  };
}

/** Keys of payments whose money moved. A bank debit moves it later, under the payment's own id. */
function paymentsMade(effects: readonly Effect[]): readonly string[] {
  const created = effects.filter(({ operation }) => operation === "create-payment-intent");
  const keys = new Map(created.map(({ id, key }) => [id, key ?? ""]));
  return effects.flatMap(({ id, amount }) => {
    const key = keys.get(id);
    return amount === undefined || key === undefined ? [] : [key];
  });
}

function countEffects(...keys: readonly (readonly string[])[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys.flat()) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}
