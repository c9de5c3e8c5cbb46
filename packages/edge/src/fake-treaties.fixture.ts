import type { CallbackRecord, FalloutCase, SystemTreaties, Treaty } from "@entente/core";
import { Failure, type HandOff } from "@entente/core/model";
import { fakeId, fakeNow } from "./fake-names.fixture.ts";

/** One treaty of the subscription with one hand-off and one case, of the tenant `demo`. */
export function fakeTreaties(
  known: (context: string) => void,
  acts: { readonly what: string; readonly context: string; readonly act: object }[],
): SystemTreaties {
  const treaty = {
    name: "bank",
    version: "1.0.0",
    kind: "command-with-callback",
    target: "bank",
    errorMap: { "504": { class: "UNKNOWN", means: "Their gateway gave up." } },
  } as Partial<Treaty> as Treaty;
  const expect = (name: string) => {
    if (name !== treaty.name)
      throw new Failure("refused", "treaty-unknown", "There is no such treaty.", {
        fields: { treaty: name },
      });
  };
  const deal = (what: string) => async (context: string, act: { readonly caseId: string }) => {
    known(context);
    if (act.caseId !== fakeId(1))
      throw new Failure("conflict", "case-not-open", "No such case is open.", {
        fields: { caseId: act.caseId },
      });
    acts.push({ what, context, act });
  };
  const notOpen = async (context: string, { requestId }: { readonly requestId: string }): Promise<never> => {
    known(context);
    throw new Failure("conflict", "recovery-not-open", "No such recovery is open.", {
      fields: { requestId },
    });
  };
  const own = <One>(tenantId: string, one: One): One[] => (tenantId === "demo" ? [one] : []);
  return {
    list: () => [{ context: "subscription", treaty }],
    states: async () => [
      { treaty: "bank", stopped: true, code: "401", by: "entente", why: "credentials refused" },
    ],
    feeds: async () => [],
    handOffs: async (context, tenantId, states) => {
      known(context);
      return own(tenantId, fakeHandOff).filter(({ state }) => states.includes(state));
    },
    callbacks: async (context, tenantId) => {
      known(context);
      return own(tenantId, fakeCallback);
    },
    refusals: async (context) => {
      known(context);
      const code = "callback-signature-wrong";
      return [{ treaty: "bank", code, day: "2026-01-15", total: 2, lastAt: fakeNow }];
    },
    cases: async (context, tenantId) => {
      known(context);
      return own(tenantId, fakeCase);
    },
    claimCase: deal("claim-case"),
    decideCase: deal("decide-case"),
    closeCase: deal("close-case"),
    setStopped: async (name, stopped, act) => {
      expect(name);
      acts.push({ what: stopped ? "stop-treaty" : "resume-treaty", context: name, act });
    },
    answeredHere: expect,
    budgets: async (_context, tenantId, at = fakeNow) =>
      own(tenantId, {
        target: "bank",
        name: "payments",
        perDay: 10,
        warnAtShare: 0.8,
        used: at === Date.parse("2026-01-01") ? 1 : 4,
        share: 0.4,
        callers: [{ treaty: "bank", operation: "pay", total: 4 }],
      }),
    handOff: async (context, { tenantId, handOffId }) => {
      known(context);
      return own(tenantId, fakeHandOff).find((one) => one.handOffId === handOffId) ?? null;
    },
    previewRecovery: async (name, tenantId) => {
      expect(name);
      const handOffIds = own(tenantId, fakeHandOff.handOffId);
      const notSafe = { inDoubt: 0, happened: 0, withdrawn: 0 };
      return { candidates: handOffIds.length, allowed: 200, handOffIds, notSafe };
    },
    askRecovery: async (ask) => {
      expect(ask.treaty);
      acts.push({ what: "ask-recovery", context: "subscription", act: ask });
      return { requestId: fakeId(4), handOffs: ask.handOffIds.length };
    },
    approveRecovery: notOpen,
    rejectRecovery: notOpen,
    recoveries: async (context) => {
      known(context);
      return [];
    },
    recovery: async (context) => {
      known(context);
      return null;
    },
    runs: async (name) => {
      expect(name);
      return [];
    },
    run: async (name) => {
      expect(name);
      return null;
    },
    askRun: async (name, ask) => {
      expect(name);
      acts.push({ what: "reconcile-treaty", context: "subscription", act: ask });
      return 1;
    },
    figures: async () => [
      { treaty: "bank", name: "retries", label: "", value: 3 },
      { treaty: "bank", name: "pending-age-ms", label: "unknown", value: 1_500 },
      { treaty: "bank", name: "callback-latency-ms", label: "", value: 90_250 },
      { treaty: "bank", name: "deadlines-missed", label: "", value: 5 },
      { treaty: "", name: "parked", label: "", value: 2 },
    ],
  } as Partial<SystemTreaties> as SystemTreaties;
}

const fakeHandOff = {
  tenantId: "demo",
  handOffId: fakeId(2),
  treaty: "bank",
  target: "bank",
  purpose: "pay",
  state: "unknown",
  aggregateType: "order",
  aggregateId: "o-1",
  line: null,
  key: "acct-0001",
  processId: fakeId(3),
  idempotencyKey: "k-1",
  attempt: 1,
  tries: 2,
  rows: 0,
  rowsOpen: 0,
  externalReference: null,
  externalCode: "504",
  lastErrorClass: "UNKNOWN_OUTCOME",
  lastErrorCode: "504",
  lastErrorText: "Jo Doe, IBAN DE00",
  requestHash: "0".repeat(32),
  lastResponseHash: null,
  nextTryAt: fakeNow,
  deadlineAt: null,
  createdAt: fakeNow,
  updatedAt: fakeNow,
} as unknown as HandOff;

const fakeCallback: CallbackRecord = {
  entryId: fakeId(5),
  treaty: "bank",
  messageId: "m-1",
  schemaVersion: "1.0.0",
  reference: "k-1",
  receivedAt: fakeNow,
  status: "applied",
  payloadHash: "1".repeat(32),
  errorCode: null,
  repeats: 1,
  reused: 0,
  handOffId: fakeId(2),
  aggregateType: "order",
  aggregateId: "o-1",
  key: "acct-0001",
  processId: fakeId(3),
};

const fakeCase: FalloutCase = {
  caseId: fakeId(1),
  tenantId: "demo",
  handOffId: fakeId(2),
  treaty: "bank",
  target: "bank",
  kind: "unknown",
  code: "504",
  says: "Nobody knows.",
  owner: "payments",
  openedAt: fakeNow,
  claimedBy: null,
  closedBy: null,
  closedAt: null,
  closedWhy: null,
  acts: ["ask-again", "give-up"],
};
