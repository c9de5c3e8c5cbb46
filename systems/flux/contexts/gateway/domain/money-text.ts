/** An amount of minor units as customers read it. Exact: it is never a fraction in binary. How many digits are minor is the currency's own. */
export function moneyText(amountMinor: number, currency: string): string {
  const format = new Intl.NumberFormat("en", { style: "currency", currency, currencyDisplay: "code" });
  const minorDigits = format.resolvedOptions().maximumFractionDigits ?? 2;
  const decimal = `${amountMinor}e-${minorDigits}` as `${number}`;
  return format.format(decimal).replace("\u00a0", " ");
}
