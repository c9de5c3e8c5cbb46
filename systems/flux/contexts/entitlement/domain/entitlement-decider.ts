import {
  type Decider,
  type Decision,
  type DecisionContext,
  type Entry,
  Failure,
  isRefusal,
  type JsonObject,
  type OutgoingCommand,
  type Refusal,
} from "@entente/core/model";
import type { Entitlement } from "../contract/entitlement.ts";
import { entitlementChanged, entitlementRemoved } from "../contract/entitlement-changed.ts";
import { entitlementRefused } from "../contract/entitlement-refused.ts";
import { type FollowEntitlement, followEntitlement } from "../contract/follow-entitlement.ts";
import { customerStandingChanged, type NoteCustomer, noteCustomer } from "../contract/note-customer.ts";
import {
  type NoteEntitlement,
  type NoteEntitlementGone,
  noteEntitlement,
  noteEntitlementGone,
} from "../contract/note-entitlement.ts";
import {
  type NoteOrderOutcome,
  noteOrderOutcome,
  type OrderPlan,
  orderPlan,
  planOrderConfirmed,
  planOrdered,
  planOrderFailed,
} from "../contract/order-plan.ts";
import { entitlementFacts } from "../contract/published-language.ts";
import { type EntitlementRefusal, entitlementRefusals } from "../contract/refusals.ts";
import { type EntitledAccount, evolve, nothingKnown, presentEntitlement } from "./entitled-account.ts";
import { offeredPlan } from "./offered-plans.ts";

/**
 * What an account is entitled to, as the authority tells it. Key: accountId. This context decides nothing about entitlements: it notes
 * what it is told, tells its own side when that is news, and lets an order out only as a wish.
 */
export const entitlementDecider: Decider<EntitledAccount> = {
  name: "entitlement",
  commands: {
    // The newest word counts, and each of them is whole: one that breaks must not keep the next one waiting.
    [noteEntitlement.type]: { parking: "step-aside", schemaVersion: noteEntitlement.schemaVersion },
    [noteEntitlementGone.type]: { parking: "step-aside", schemaVersion: noteEntitlementGone.schemaVersion },
    [noteCustomer.type]: { parking: "step-aside", schemaVersion: noteCustomer.schemaVersion },
    [orderPlan.type]: { parking: "step-aside", schemaVersion: orderPlan.schemaVersion },
    // The next order depends on what became of this one.
    [noteOrderOutcome.type]: { parking: "hold-key", schemaVersion: noteOrderOutcome.schemaVersion },
  },
  facts: entitlementFacts,
  refusalType: entitlementRefused.type,
  initial: nothingKnown,
  decide,
  evolve,
};

/** What counts now is told to the subscription when it becomes another, in the order in which it was heard. */
function decide(account: EntitledAccount, command: Entry, context: DecisionContext): Decision | Refusal {
  const decision = decideAlone(account, command, context);
  if (isRefusal(decision)) return decision;
  const before = presentEntitlement(account);
  const now = presentEntitlement(decision.facts.reduce(evolve, account));
  return isSameGrant(before, now) ? decision : { ...decision, commands: [toSubscription(context.key, now)] };
}

function isSameGrant(one: Entitlement | undefined, other: Entitlement | undefined): boolean {
  return (
    one?.planId === other?.planId &&
    one?.monthlyQuotaUnits === other?.monthlyQuotaUnits &&
    one?.status === other?.status
  );
}

function toSubscription(accountId: string, present: Entitlement | undefined): OutgoingCommand {
  const data: FollowEntitlement = {
    accountId,
    planId: present?.planId ?? null,
    monthlyQuotaUnits: present?.monthlyQuotaUnits ?? 0,
    isActive: present?.status === "active",
  };
  const { type, schemaVersion, ttlMs } = followEntitlement;
  return { target: "subscription", type, schemaVersion, ttlMs, data };
}

function decideAlone(account: EntitledAccount, command: Entry, context: DecisionContext): Decision | Refusal {
  switch (command.type) {
    case noteEntitlement.type: {
      const { heard: _heard, ...entitlement } = command.data as NoteEntitlement;
      return { facts: changes(account, entitlement) };
    }
    case noteEntitlementGone.type: {
      const { accountId, entitlementId } = command.data as NoteEntitlementGone;
      const isKnown = account.entitlements[entitlementId] !== undefined;
      return {
        facts: isKnown ? [{ type: entitlementRemoved.type, data: { entitlementId, accountId } }] : [],
      };
    }
    case noteCustomer.type: {
      const { accountId, standing } = command.data as NoteCustomer;
      const isNews = account.standing !== standing;
      return { facts: isNews ? [{ type: customerStandingChanged.type, data: { accountId, standing } }] : [] };
    }
    case orderPlan.type:
      return decideOrder(account, command.data as OrderPlan, context);
    case noteOrderOutcome.type:
      return decideOutcome(account, command.data as NoteOrderOutcome);
    default:
      throw new Failure("defect", "command-not-decided", `Entitlement does not decide ${command.type}.`, {
        fields: { type: command.type },
      });
  }
}

/** The authority wins over whatever was known. The same word twice is no news. */
function changes(account: EntitledAccount, entitlement: Entitlement) {
  const known = account.entitlements[entitlement.entitlementId];
  const names = Object.keys(entitlement) as (keyof Entitlement)[];
  if (known !== undefined && names.every((name) => known[name] === entitlement[name])) return [];
  return [{ type: entitlementChanged.type, data: entitlement as JsonObject }];
}

/** An order is a wish for the whole entitlement with its next version: the authority refuses it when it has moved on meanwhile. */
function decideOrder(
  account: EntitledAccount,
  { accountId, planId }: OrderPlan,
  { processId }: DecisionContext,
): Decision | Refusal {
  const present = presentEntitlement(account);
  const plan = offeredPlan(planId);
  if (present === undefined) return refuse("entitlement-unknown");
  if (present.status !== "active") return refuse("entitlement-not-active");
  if (plan === undefined) return refuse("plan-not-offered");
  if (account.order !== null) return refuse("plan-order-under-way");
  if (present.planId === planId) return refuse("plan-already-held");
  const wanted = { ...present, planId, ...plan, version: present.version + 1 };
  return { facts: [{ type: planOrdered.type, data: { orderId: processId, accountId, wanted } }] };
}

/** What the authority has is in force at once; its feed will say the same. An outcome told again is no news. */
function decideOutcome(
  account: EntitledAccount,
  { accountId, orderId, outcome }: NoteOrderOutcome,
): Decision {
  const { order } = account;
  if (order === null || order.orderId !== orderId) return { facts: [] };
  if (outcome === "done") {
    const { wanted } = order;
    const confirmed = { orderId, accountId, planId: wanted.planId };
    return { facts: [...changes(account, wanted), { type: planOrderConfirmed.type, data: confirmed }] };
  }
  const code = outcome === "refused" ? "plan-order-refused" : "plan-order-given-up";
  const failed = { orderId, accountId, code, reason: entitlementRefusals[code] };
  return { facts: [{ type: planOrderFailed.type, data: failed }] };
}

function refuse(code: EntitlementRefusal): Refusal {
  return { refused: true, code, reason: entitlementRefusals[code] };
}
