/**
 * The quota logic that the ledger's system has grown over the years: how much of a top-up an account's quota pays. It decides for every account
 * until it is told to stop; then it says "not here", for ever.
 */

export interface QuotaQuestion {
  readonly key: string;
  readonly act: "ask" | "lend" | "recall" | "restore";
  readonly tenant: string;
  readonly account: string;
  /** `2026-11` */
  readonly cycle: string;
  /** `ask`: units of the top-up. `restore`: units that an undone top-up had taken. */
  readonly units: number;
  /** `ask`: what the plan gives in the cycle. */
  readonly quotaUnits: number;
  /** `ask`: units allowed beyond the quota. */
  readonly onDemandUnitsAllowed: number;
  /** `lend`: units taken in the cycle so far. */
  readonly takenUnits: number;
}

export type QuotaSaying = "taken" | "exceeded" | "not-here" | "kept" | "released" | "restored";

export interface QuotaDecision {
  readonly key: string;
  /** Number of the decision; null: nothing was decided or changed. */
  readonly decision: number | null;
  readonly says: QuotaSaying;
  /** `taken`: units that the quota pays; else 0. */
  readonly fromQuota: number;
  readonly cycle: string;
  /** Units taken from the quota of that cycle, afterwards. */
  readonly takenUnits: number;
}

export interface KeptAccount {
  readonly tenant: string;
  readonly account: string;
  cycle: string;
  takenUnits: number;
  /** False: released, and not decided here any more. */
  isHere: boolean;
}

export interface QuotaBook {
  /** Decides once per key: the same key again is answered as before. */
  decide(question: QuotaQuestion): { readonly decision: QuotaDecision; readonly isNew: boolean };
  find(key: string): QuotaDecision | undefined;
  accounts(): readonly KeptAccount[];
}

/** `accounts` and `decisions`: what it knows already, and is written to. */
export function openQuotaBook(
  accounts: Map<string, KeptAccount> = new Map(),
  decisions: Map<string, QuotaDecision> = new Map(),
): QuotaBook {
  function accountOf({ tenant, account, cycle }: QuotaQuestion): KeptAccount {
    const name = JSON.stringify([tenant, account]);
    const known = accounts.get(name);
    const kept = known ?? { tenant, account, cycle, takenUnits: 0, isHere: true };
    accounts.set(name, kept);
    // Quota lapses with its cycle. A question about a cycle that is over changes nothing of the running one.
    if (kept.isHere && cycle > kept.cycle) Object.assign(kept, { cycle, takenUnits: 0 });
    return kept;
  }

  function act(question: QuotaQuestion, kept: KeptAccount): Pick<QuotaDecision, "says" | "fromQuota"> {
    const says = (one: QuotaSaying, fromQuota = 0) => ({ says: one, fromQuota });
    if (question.act === "recall") {
      kept.isHere = false;
      return says("released");
    }
    if (!kept.isHere) return says("not-here");
    const isRunning = question.cycle === kept.cycle;
    switch (question.act) {
      case "lend":
        kept.takenUnits = question.takenUnits;
        return says("kept");
      case "restore":
        if (isRunning) kept.takenUnits -= question.units;
        return says("restored");
      case "ask": {
        const left = isRunning ? Math.max(0, question.quotaUnits - kept.takenUnits) : 0;
        const fromQuota = Math.min(question.units, left);
        if (question.units - fromQuota > question.onDemandUnitsAllowed) return says("exceeded");
        kept.takenUnits += fromQuota;
        return says("taken", fromQuota);
      }
    }
  }

  return {
    decide(question) {
      const known = decisions.get(question.key);
      if (known !== undefined) return { decision: known, isNew: false };
      const kept = accountOf(question);
      const { says, fromQuota } = act(question, kept);
      const { cycle, takenUnits } = kept;
      const isNothing = says === "not-here";
      const number = isNothing ? null : decisions.size + 1;
      const decision = { key: question.key, decision: number, says, fromQuota, cycle, takenUnits };
      // What was not decided here leaves no trace.
      if (!isNothing) decisions.set(question.key, decision);
      return { decision, isNew: !isNothing };
    },
    find: (key) => decisions.get(key),
    accounts: () => [...accounts.values()],
  };
}
