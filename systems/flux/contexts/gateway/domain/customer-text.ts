import type { JsonObject, ProcessView } from "@entente/core/model";
import { moneyText } from "./money-text.ts";

/** What the text may say besides the state. Times in epoch milliseconds, business time. */
export interface TextContext {
  readonly processId: string;
  readonly acceptedAt: number;
  /** Past the process's limit and not final. */
  readonly delayed: boolean;
  /** Expected wait in whole seconds; null when nobody can say. */
  readonly expectedWaitSeconds: number | null;
}

export interface CustomerText {
  readonly title: "Queued" | "Processing" | "Confirmed" | "Failed" | "Undone" | "Delayed";
  readonly text: string;
}

/** Reasons of a top-up that happened and was undone. "Failed" would tell its customer that it never was. */
const undoneCodes: ReadonlySet<string> = new Set(["undone", "charge-to-refund", "refunded", "paid-back"]);

/**
 * What the customer reads about a top-up (App. F9). Says "confirmed" only after the final fact, and says what is known
 * when it is not: when it was stored, how long it may take.
 * Guarantees: pure and total; no raw error text. Times are UTC; the app may show them locally.
 */
export function customerText(view: ProcessView, context: TextContext): CustomerText {
  switch (view.state) {
    case "confirmed":
      return { title: "Confirmed", text: confirmedText(view.outcome) };
    case "failed":
      return {
        title: undoneCodes.has(view.reason?.code ?? "") ? "Undone" : "Failed",
        text: failedText(view, context.processId),
      };
    case "queued":
    case "processing":
      return context.delayed ? delayedText(view, context) : waitingText(view, context);
  }
}

function waitingText(view: ProcessView, context: TextContext): CustomerText {
  if (view.state === "processing") {
    const text = `Your top-up is being carried out.${openText(view)}${waitText(context)}`;
    return { title: "Processing", text };
  }
  const text = `Your top-up was stored at ${timeText(context.acceptedAt)} and will be carried out in order.${waitText(context)}`;
  return { title: "Queued", text };
}

function delayedText(view: ProcessView, context: TextContext): CustomerText {
  const text =
    `Your top-up is taking longer than usual. It was stored at ${timeText(context.acceptedAt)} and is not lost;` +
    ` there is no need to send it again.${openText(view)}${waitText(context)}`;
  return { title: "Delayed", text };
}

/** Of a top-up that is done in part: what is still owed. */
function openText({ steps, outcome }: ProcessView): string {
  const amountMinor = outcome?.onDemandAmountMinor;
  const currency = outcome?.currency;
  const isOpen = steps.some(({ state }) => state === "open");
  if (!isOpen || typeof amountMinor !== "number" || typeof currency !== "string") return "";
  return ` The balance is debited; the charge of ${moneyText(amountMinor, currency)} is still open.`;
}

function failedText(view: ProcessView, processId: string): string {
  const message = view.reason?.message ?? "This top-up was not possible.";
  // Every failure names its process, also those whose reason does not.
  return message.includes(processId) ? message : `${message} Process ${processId}.`;
}

function confirmedText(outcome: JsonObject | null): string {
  const units = outcome?.units;
  const left = outcome?.quotaRemaining;
  if (typeof units !== "number" || typeof left !== "number") return "Your top-up is complete.";
  return `${units} units delivered.${onDemandText(outcome)} ${left} units left in this month's quota.`;
}

function onDemandText(outcome: JsonObject | null): string {
  const amountMinor = outcome?.onDemandAmountMinor;
  const currency = outcome?.currency;
  if (typeof amountMinor !== "number" || amountMinor === 0 || typeof currency !== "string") return "";
  return ` ${outcome?.fundedOnDemand} of them on demand for ${moneyText(amountMinor, currency)}.`;
}

function timeText(atMs: number): string {
  return new Date(atMs).toISOString();
}

function waitText(context: TextContext): string {
  if (context.expectedWaitSeconds === null) return "";
  return ` Expected wait: about ${context.expectedWaitSeconds} s.`;
}
