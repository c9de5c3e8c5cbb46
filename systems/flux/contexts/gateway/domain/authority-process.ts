import type { Entry, JsonObject, ProcessDefinition, ProcessView } from "@entente/core/model";

/** A wish that an authority outside carries out, by its facts. */
export interface AuthorityProcess {
  readonly type: string;
  readonly startedBy: string;
  /** It is on its way to the authority. */
  readonly requested: string;
  /** The authority has it. */
  readonly confirmed: string;
  /** It is not and will not be done: refused by us or by the authority, or given up. Each with code and reason. */
  readonly failed: readonly string[];
  /** What the customer is shown of it, from the fact that confirms. Pure. */
  outcomeOf(fact: Entry): JsonObject;
}

const step = "written-at-authority";

/**
 * How a wish looks to who made it that lands at an authority first. Confirmed by the authority's word and nothing else.
 *
 * | Fact | To |
 * | --- | --- |
 * | `requested` | processing |
 * | `confirmed` | confirmed |
 * | `failed` | failed, with the reason |
 * | `entente.command-parked`, `entente.command-discarded` before `requested` | failed, `processing-failed` |
 */
export function authorityProcess(wish: AuthorityProcess): ProcessDefinition {
  const { type, startedBy, requested, confirmed, failed } = wish;
  return {
    type,
    startedBy,
    delayedAfterMs: 60_000,
    facts: [requested, confirmed, ...failed, "entente.command-parked", "entente.command-discarded"],
    apply: (view, fact) => apply(wish, view, fact),
  };
}

function apply(wish: AuthorityProcess, view: ProcessView, fact: Entry): ProcessView {
  if (view.state === "confirmed") return view;
  if (wish.failed.includes(fact.type)) {
    const { code, reason } = fact.data as { readonly code: string; readonly reason: string };
    return ended(view, fact, { code, message: reason });
  }
  switch (fact.type) {
    case wish.requested:
      return { ...view, state: "processing", reason: null };
    case wish.confirmed:
      return {
        state: "confirmed",
        steps: [{ name: step, state: "done", at: fact.occurredAt }],
        reason: null,
        outcome: wish.outcomeOf(fact),
      };
    default: {
      // Past the first command it is an outcome that cannot be noted: an operator's, and the wish is where it was.
      if (fact.data.policy === "hold-key" || view.state === "processing") return view;
      const message = `We could not complete this. Quote process ${fact.processId} to support.`;
      return ended(view, fact, { code: "processing-failed", message });
    }
  }
}

function ended(view: ProcessView, fact: Entry, reason: NonNullable<ProcessView["reason"]>): ProcessView {
  // What was refused here never went out.
  const steps =
    view.state === "processing" ? [{ name: step, state: "failed", at: fact.occurredAt } as const] : [];
  return { state: "failed", steps, reason, outcome: null };
}
