import { moneyText } from "./money-text.ts";

/** What an undo gave back. Units, and minor units of `currency`. */
export interface GivenBack {
  readonly restoredToQuota: number;
  /** Their cycle had ended, and the quota with it. */
  readonly lapsedFromQuota: number;
  readonly creditedMinor: number;
  readonly currency: string;
}

/** What became of what a top-up took, as its customer reads it. */
export function givenBackText({
  restoredToQuota,
  lapsedFromQuota,
  creditedMinor,
  currency,
}: GivenBack): string {
  return [
    ...(restoredToQuota > 0 ? ["The units taken from the quota are back."] : []),
    ...(lapsedFromQuota > 0 ? ["The units taken from the quota belonged to a month that has ended."] : []),
    ...(creditedMinor > 0 ? [`${moneyText(creditedMinor, currency)} is credited.`] : []),
  ].join(" ");
}
