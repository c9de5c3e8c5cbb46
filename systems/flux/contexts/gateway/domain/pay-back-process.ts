import type { Entry, JsonObject, ProcessDefinition, ProcessView } from "@entente/core/model";
import {
  type PayBackRecorded,
  payBackRecorded,
  recordPayBack,
} from "../../subscription/contract/pay-back.ts";
import { type TopUpRefused, topUpRefused } from "../../subscription/contract/top-up-refused.ts";
import type { CustomerText, TextContext } from "./customer-text.ts";
import { moneyText } from "./money-text.ts";

const recordedStep = "pay-back-recorded";

/**
 * How it looks that an operator tells of a pay-back: what was charged for an undone top-up went back another way than by the payment provider.
 *
 * | Fact | To |
 * | --- | --- |
 * | `flux.pay-back-recorded` | confirmed |
 * | `flux.top-up-refused` | failed, with the refusal's code |
 * | `entente.command-parked`, `entente.command-discarded` | failed, `processing-failed` |
 *
 * That the money is back is told in the process of the top-up. Who told of it and why, the receipt, and the provider's name for the charge are the
 * operators' and stand in the timeline alone.
 */
export const payBackProcess: ProcessDefinition = {
  type: "record-pay-back",
  startedBy: recordPayBack.type,
  delayedAfterMs: 15_000,
  facts: [payBackRecorded.type, topUpRefused.type, "entente.command-parked", "entente.command-discarded"],
  apply,
  repeats: (view, fact) =>
    fact.type === payBackRecorded.type &&
    view.steps.some(({ name, at }) => name === recordedStep && at !== fact.occurredAt),
  about: ({ type, data }) =>
    type === recordPayBack.type || type === payBackRecorded.type
      ? (data as PayBackRecorded).topUpProcessId
      : null,
};

function apply(view: ProcessView, fact: Entry): ProcessView {
  if (view.state === "confirmed") return view;
  switch (fact.type) {
    case payBackRecorded.type: {
      const { topUpProcessId, amountMinor, currency, refund } = fact.data as PayBackRecorded;
      return {
        state: "confirmed",
        steps: [{ name: recordedStep, state: "done", at: fact.occurredAt }],
        reason: null,
        outcome: { topUpProcessId, amountMinor, currency, refund },
      };
    }
    case topUpRefused.type: {
      const { code, reason } = fact.data as TopUpRefused;
      return { ...view, state: "failed", reason: { code, message: reason } };
    }
    default: {
      const message = `We could not complete this. Quote process ${fact.processId} to support.`;
      return { ...view, state: "failed", reason: { code: "processing-failed", message } };
    }
  }
}

/** What is read of it. Pure and total. */
export function payBackText(
  view: ProcessView,
  { processId, acceptedAt, delayed }: TextContext,
): CustomerText {
  switch (view.state) {
    case "confirmed":
      return { title: "Confirmed", text: confirmedText(view.outcome) };
    case "failed": {
      const message = view.reason?.message ?? "The pay-back could not be recorded.";
      return {
        title: "Failed",
        text: message.includes(processId) ? message : `${message} Process ${processId}.`,
      };
    }
    case "queued":
    case "processing": {
      const at = new Date(acceptedAt).toISOString();
      return {
        title: delayed ? "Delayed" : "Queued",
        text: `The pay-back of a top-up was told of at ${at} and is not recorded before it is confirmed.`,
      };
    }
  }
}

function confirmedText(outcome: JsonObject | null): string {
  if (outcome === null) return "What was charged for the top-up was paid back another way.";
  // From `apply` above, whose fact has all of it.
  const { amountMinor, currency } = outcome as unknown as Pick<PayBackRecorded, "amountMinor" | "currency">;
  return `The ${moneyText(amountMinor, currency)} charged for the top-up was paid back another way.`;
}
