import type { Fact } from "@entente/core/model";
import type { Entitlement } from "../contract/entitlement.ts";
import {
  type EntitlementRemoved,
  entitlementChanged,
  entitlementRemoved,
} from "../contract/entitlement-changed.ts";
import {
  type CustomerStandingChanged,
  customerStandingChanged,
  type Standing,
} from "../contract/note-customer.ts";
import {
  type PlanOrderConfirmed,
  type PlanOrdered,
  type PlanOrderFailed,
  planOrderConfirmed,
  planOrdered,
  planOrderFailed,
} from "../contract/order-plan.ts";

/** What we were last told an account is entitled to, and the order that is being written at the authority. */
export interface EntitledAccount {
  readonly standing: Standing;
  /** By entitlement id. */
  readonly entitlements: Readonly<Record<string, Entitlement>>;
  readonly order: PlanOrdered | null;
}

export const nothingKnown: EntitledAccount = { standing: "none", entitlements: {}, order: null };

/** Pure and total: a fact it does not know changes nothing. */
export function evolve(account: EntitledAccount, fact: Fact): EntitledAccount {
  switch (fact.type) {
    case entitlementChanged.type: {
      const entitlement = fact.data as Entitlement;
      return {
        ...account,
        entitlements: { ...account.entitlements, [entitlement.entitlementId]: entitlement },
      };
    }
    case entitlementRemoved.type: {
      const { [(fact.data as EntitlementRemoved).entitlementId]: _gone, ...entitlements } =
        account.entitlements;
      return { ...account, entitlements };
    }
    case customerStandingChanged.type:
      return { ...account, standing: (fact.data as CustomerStandingChanged).standing };
    case planOrdered.type:
      return { ...account, order: fact.data as PlanOrdered };
    case planOrderConfirmed.type:
    case planOrderFailed.type: {
      const { orderId } = fact.data as PlanOrderConfirmed | PlanOrderFailed;
      return account.order?.orderId === orderId ? { ...account, order: null } : account;
    }
    default:
      return account;
  }
}

/** The one that counts now: the newest that has not ended; undefined when there is none. */
export function presentEntitlement({ entitlements }: EntitledAccount): Entitlement | undefined {
  return Object.values(entitlements)
    .filter(({ status }) => status !== "ended")
    .sort((a, b) => b.validFrom - a.validFrom || (a.entitlementId < b.entitlementId ? -1 : 1))[0];
}
