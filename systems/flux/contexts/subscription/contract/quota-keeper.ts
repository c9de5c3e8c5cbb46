import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";
import { AmountMinor, CycleMonth, ProcessId, Units } from "./quantities.ts";

/**
 * Who decides an account's quota while quota decisions move from the books to here. One keeper at a time: docs/decisions/0024-quota-moves-by-share.md.
 */

const processId = "0199f0e2-7a3b-7c4d-8e5f-0123456789ab";
const taken = { accountId: "acct-0001", cycle: "2026-11", takenUnits: 25 };
const Taken = {
  accountId: Identifier,
  cycle: CycleMonth,
  /** Units that top-ups have taken from the quota of that cycle. */
  takenUnits: Units,
};

/** Share of a tenant's accounts whose quota is decided here, in whole percent. */
export const SharePercent = Type.Integer({ minimum: 0, maximum: 100 });

/** Command of an operator: from now on this share of the accounts is decided here. Ordering key: `quota-share`. */
export const moveQuotaShare = {
  kind: "command",
  type: "flux.move-quota-share",
  schemaVersion: "1.0.0",
  schema: Type.Object({ sharePercent: SharePercent }, { additionalProperties: false }),
  example: { sharePercent: 50 },
} as const;
export type MoveQuotaShare = Static<typeof moveQuotaShare.schema>;

/** Fact: the tenant's share has moved. Each account is told by `flux.place-quota`. */
export const quotaShareMoved = {
  kind: "event",
  type: "flux.quota-share-moved",
  schemaVersion: "1.0.0",
  schema: Type.Object({ sharePercent: SharePercent }),
  example: { sharePercent: 50 },
} as const;

/** Fact: the share stays where it is. */
export const quotaShareRefused = {
  kind: "event",
  type: "flux.quota-share-refused",
  schemaVersion: "1.0.0",
  schema: Type.Object({ code: Type.String(), reason: Type.String() }),
  example: { code: "quota-share-falls", reason: "What is decided here stays here: the share only rises." },
} as const;

/** Command: the account's quota belongs where this share puts it. Internal: a timer of the share. Ordering key: accountId. */
export const placeQuota = {
  kind: "command",
  type: "flux.place-quota",
  schemaVersion: "1.0.0",
  schema: Type.Object({ accountId: Identifier, sharePercent: SharePercent }, { additionalProperties: false }),
  example: { accountId: "acct-0001", sharePercent: 50 },
} as const;
export type PlaceQuota = Static<typeof placeQuota.schema>;

/** Fact: the books decide this account's quota from now on; it stands as it says. */
export const quotaLent = {
  kind: "event",
  type: "flux.quota-lent",
  schemaVersion: "1.0.0",
  schema: Type.Object(Taken),
  example: taken,
} as const;
export type QuotaLent = Static<typeof quotaLent.schema>;

/** Fact: the books are asked to decide this account's quota no more. They do until they have said that they have stopped. */
export const quotaRecalled = {
  kind: "event",
  type: "flux.quota-recalled",
  schemaVersion: "1.0.0",
  schema: Type.Object({ accountId: Identifier, cycle: CycleMonth }),
  example: { accountId: "acct-0001", cycle: "2026-11" },
} as const;
export type QuotaRecalled = Static<typeof quotaRecalled.schema>;

/** Command: the books have stopped, and this is how the quota stands. Internal: told by the quota treaty. Ordering key: accountId. */
export const noteQuotaReturn = {
  kind: "command",
  type: "flux.note-quota-return",
  schemaVersion: "1.0.0",
  schema: Type.Object(Taken, { additionalProperties: false }),
  example: taken,
} as const;
export type NoteQuotaReturn = Static<typeof noteQuotaReturn.schema>;

/** Fact: this account's quota is decided here from now on. The balance is as it says. */
export const quotaReturned = {
  kind: "event",
  type: "flux.quota-returned",
  schemaVersion: "1.0.0",
  schema: Type.Object({
    accountId: Identifier,
    cycle: CycleMonth,
    quotaRemaining: Units,
    overdrawnUnits: Units,
    usedUnits: Units,
    onDemandMinor: AmountMinor,
  }),
  example: {
    accountId: "acct-0001",
    cycle: "2026-11",
    quotaRemaining: 75,
    overdrawnUnits: 0,
    usedUnits: 25,
    onDemandMinor: 0,
  },
} as const;
export type QuotaReturned = Static<typeof quotaReturned.schema>;

const asked = {
  accountId: Identifier,
  /** The top-up's. */
  processId: ProcessId,
  condenserId: Identifier,
  units: Units,
  cycle: CycleMonth,
  /** What the plan gives in this cycle; the plan is not the books' to know. */
  quotaUnits: Units,
  /** Units that may be delivered beyond the quota; a top-up that needs more is refused as a whole. */
  onDemandUnitsAllowed: Units,
  onDemandUnitPriceMinor: AmountMinor,
};
const exampleAsked = {
  accountId: "acct-0001",
  processId,
  condenserId: "car-0001",
  units: 25,
  cycle: "2026-11",
  quotaUnits: 100,
  onDemandUnitsAllowed: 4_000,
  onDemandUnitPriceMinor: 25,
};

/** Fact: a top-up that nothing else speaks against is put to the books: how much of it does the quota pay? */
export const quotaAsked = {
  kind: "event",
  type: "flux.quota-asked",
  schemaVersion: "1.0.0",
  schema: Type.Object(asked),
  example: exampleAsked,
} as const;
export type QuotaAsked = Static<typeof quotaAsked.schema>;

/** `not-here`: the books do not decide this account's quota any more. `unanswered`: a person gave the question up. */
export const quotaAnswers = ["taken", "exceeded", "not-here", "unanswered"] as const;
export type QuotaAnswer = (typeof quotaAnswers)[number];
const Answer = Type.Enum([...quotaAnswers]);

/** Command: the books' answer. Internal: told by the quota treaty. Ordering key: accountId. */
export const noteQuotaAnswer = {
  kind: "command",
  type: "flux.note-quota-answer",
  schemaVersion: "1.0.0",
  schema: Type.Object({ ...asked, answer: Answer, fundedFromQuota: Units }, { additionalProperties: false }),
  example: { ...exampleAsked, answer: "taken", fundedFromQuota: 20 },
} as const;
export type NoteQuotaAnswer = Static<typeof noteQuotaAnswer.schema>;

/** Fact: the books have answered. What it means for the top-up follows in the same decision. */
export const quotaAnswered = {
  kind: "event",
  type: "flux.quota-answered",
  schemaVersion: "1.0.0",
  schema: Type.Object({
    accountId: Identifier,
    processId: ProcessId,
    units: Units,
    answer: Answer,
    fundedFromQuota: Units,
  }),
  example: { accountId: "acct-0001", processId, units: 25, answer: "taken", fundedFromQuota: 20 },
} as const;
export type QuotaAnswered = Static<typeof quotaAnswered.schema>;

/** Fact: an undo gave units back to a quota that the books decide; they are told. */
export const quotaRestored = {
  kind: "event",
  type: "flux.quota-restored",
  schemaVersion: "1.0.0",
  schema: Type.Object({
    accountId: Identifier,
    /** The top-up that was undone. */
    undoneProcessId: ProcessId,
    cycle: CycleMonth,
    units: Units,
  }),
  example: { accountId: "acct-0001", undoneProcessId: processId, cycle: "2026-11", units: 20 },
} as const;
export type QuotaRestored = Static<typeof quotaRestored.schema>;
