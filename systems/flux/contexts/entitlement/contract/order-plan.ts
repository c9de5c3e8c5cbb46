import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";
import { entitlementMembers, exampleEntitlement } from "./entitlement.ts";

/**
 * Command: the customer orders another plan. It is written at the authority first and is in force when the authority has it.
 * Ordering key: accountId.
 */
export const orderPlan = {
  kind: "command",
  type: "flux.order-plan",
  schemaVersion: "1.0.0",
  schema: Type.Object({ accountId: Identifier, planId: Identifier }, { additionalProperties: false }),
  example: { accountId: "acct-0001", planId: "voyager" },
} as const;
export type OrderPlan = Static<typeof orderPlan.schema>;

const OrderId = Type.String({ format: "uuid" });
const exampleOrder = "019a0b1c-0000-7000-8000-000000000001";

/** Fact: the order is to be written at the authority. `wanted`: the whole entitlement as it is to be, with its next version. */
export const planOrdered = {
  kind: "event",
  type: "flux.plan-ordered",
  schemaVersion: "1.0.0",
  schema: Type.Object({
    orderId: OrderId,
    accountId: Identifier,
    wanted: Type.Object(entitlementMembers),
  }),
  example: { orderId: exampleOrder, accountId: "acct-0001", wanted: exampleEntitlement },
} as const;
export type PlanOrdered = Static<typeof planOrdered.schema>;

/** What became of the order at the authority. `given-up`: a person decided that it will not be done. */
export const orderOutcomes = ["done", "refused", "given-up"] as const;

/** Command: the authority's word about an order, or a person's who gave it up. `code`: theirs, evidence only. Ordering key: accountId. */
export const noteOrderOutcome = {
  kind: "command",
  type: "flux.note-order-outcome",
  schemaVersion: "1.0.0",
  schema: Type.Object({
    accountId: Identifier,
    orderId: OrderId,
    outcome: Type.Enum([...orderOutcomes]),
    code: Type.Union([Type.String(), Type.Null()]),
  }),
  example: { accountId: "acct-0001", orderId: exampleOrder, outcome: "done", code: null },
} as const;
export type NoteOrderOutcome = Static<typeof noteOrderOutcome.schema>;

/** Fact: the authority has the order. */
export const planOrderConfirmed = {
  kind: "event",
  type: "flux.plan-order-confirmed",
  schemaVersion: "1.0.0",
  schema: Type.Object({ orderId: OrderId, accountId: Identifier, planId: Identifier }),
  example: { orderId: exampleOrder, accountId: "acct-0001", planId: "voyager" },
} as const;
export type PlanOrderConfirmed = Static<typeof planOrderConfirmed.schema>;

/** Fact: the order is not and will not be done. `code` is one of the published refusals. */
export const planOrderFailed = {
  kind: "event",
  type: "flux.plan-order-failed",
  schemaVersion: "1.0.0",
  schema: Type.Object({
    orderId: OrderId,
    accountId: Identifier,
    code: Type.String(),
    reason: Type.String(),
  }),
  example: {
    orderId: exampleOrder,
    accountId: "acct-0001",
    code: "plan-order-refused",
    reason: "This change of plan was not accepted.",
  },
} as const;
export type PlanOrderFailed = Static<typeof planOrderFailed.schema>;
