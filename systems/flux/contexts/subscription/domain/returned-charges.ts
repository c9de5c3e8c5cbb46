/**
 * What became of charges that had to go back, by the process of their top-up: what a second giving back is recognised by. Only refunds and
 * pay-backs touch it, so that the state row which every top-up rewrites does not grow with top-ups.
 */
export type ReturnedCharges = readonly ReturnedCharge[];

export interface ReturnedCharge {
  readonly processId: string;
  /**
   * `refunded`: by the payment provider. `sent-back`: that refund came back to us, and the charge is owed again. `paid-back`: by people,
   * past the provider.
   */
  readonly how: "refunded" | "sent-back" | "paid-back";
}

/**
 * Charges one account remembers; the next one pushes out the oldest. Bounded because the list is part of the state row: 71 bytes each.
 * Past it a second pay-back is still refused before it is accepted, from the journal (owed-charge.ts); what is lost is the refusal of two
 * at the same moment with 64 others between them.
 */
export const returnsRemembered = 64;

/** Null: nothing is remembered of it. */
export function howReturned(
  returned: ReturnedCharges | undefined,
  processId: string,
): ReturnedCharge["how"] | null {
  return returned?.find((one) => one.processId === processId)?.how ?? null;
}

/** With the newest word of one of them. What was paid back stays so, whatever the provider says of its own refund later. */
export function rememberReturn(
  returned: ReturnedCharges = [],
  processId: string,
  how: ReturnedCharge["how"],
): ReturnedCharges {
  if (howReturned(returned, processId) === "paid-back") return returned;
  const others = returned.filter((one) => one.processId !== processId);
  return [...others, { processId, how }].slice(-returnsRemembered);
}
