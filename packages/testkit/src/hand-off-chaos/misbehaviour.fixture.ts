import type { RuleToAdd } from "@entente/simulators";

/** How the simulators misbehave: each request draws by the simulator's seed. The first rule that draws it decides. */
export const paymentsMisbehave: readonly RuleToAdd[] = [
  ...rules("create-payment-intent", [
    [{ behaviour: "rejection", reason: "insufficient_funds" }, 0.04],
    [{ behaviour: "rejection", reason: "expired_card" }, 0.02],
    [{ behaviour: "timeout", effect: true, holdMs: 2_000 }, 0.02],
    [{ behaviour: "timeout", effect: false, holdMs: 2_000 }, 0.02],
    [{ behaviour: "drop", effect: true }, 0.04],
    [{ behaviour: "drop", effect: false }, 0.04],
    [{ behaviour: "server-error", effect: true }, 0.03],
    [{ behaviour: "server-error", effect: false }, 0.02],
    [{ behaviour: "throttled" }, 0.05],
    [{ behaviour: "malformed", variant: "not-json" }, 0.02],
    [{ behaviour: "malformed", variant: "missing-field" }, 0.02],
    [{ behaviour: "malformed", variant: "wrong-type" }, 0.02],
    [{ behaviour: "unknown-status" }, 0.02],
    [{ behaviour: "slow", delayMs: 400 }, 0.03],
    [{ behaviour: "slow", delayMs: 1_200, effectFirst: true }, 0.02],
    [{ behaviour: "duplicate-callback" }, 0.1],
    [{ behaviour: "out-of-order-callback" }, 0.1],
    [{ behaviour: "delayed-callback", delayMs: 2_000 }, 0.1],
    [{ behaviour: "lost-callback" }, 0.1],
  ]),
  ...rules("search-payment-intents", [
    [{ behaviour: "drop", effect: false }, 0.1],
    [{ behaviour: "server-error", effect: false }, 0.1],
    [{ behaviour: "malformed", variant: "missing-field" }, 0.05],
  ]),
  { behaviour: "unauthorized", when: { operation: "create-payment-intent", share: 0.02 }, times: 2 },
];

export const ledgerMisbehaves: readonly RuleToAdd[] = [
  ...rules("post-journal-entries", [
    [{ behaviour: "timeout", effect: true, holdMs: 2_000 }, 0.04],
    [{ behaviour: "timeout", effect: false, holdMs: 2_000 }, 0.04],
    [{ behaviour: "drop", effect: true }, 0.06],
    [{ behaviour: "drop", effect: false }, 0.06],
    [{ behaviour: "server-error", effect: true }, 0.05],
    [{ behaviour: "server-error", effect: false }, 0.05],
    [{ behaviour: "throttled" }, 0.05],
    [{ behaviour: "malformed", variant: "not-json" }, 0.03],
    [{ behaviour: "malformed", variant: "missing-field" }, 0.03],
    [{ behaviour: "malformed", variant: "wrong-type" }, 0.03],
    [{ behaviour: "unknown-status" }, 0.04],
    [{ behaviour: "slow", delayMs: 400 }, 0.05],
    // Of entries, not of messages.
    [{ behaviour: "rejection", reason: "account-blocked" }, 0.04],
  ]),
  ...rules("read-journal-entries", [
    [{ behaviour: "drop", effect: false }, 0.1],
    [{ behaviour: "server-error", effect: false }, 0.1],
    [{ behaviour: "malformed", variant: "wrong-type" }, 0.05],
  ]),
];

function rules(operation: string, shares: readonly (readonly [RuleToAdd, number])[]): readonly RuleToAdd[] {
  return shares.map(([behaviour, share]) => ({ ...behaviour, when: { operation, share } }));
}
