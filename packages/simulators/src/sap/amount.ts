/** Money as the ledger keeps it: whole minor units, debit positive, credit negative. */

const decimalsByCurrency: Readonly<Record<string, number>> = { JPY: 0, KRW: 0, BHD: 3, KWD: 3, TND: 3 };

export function decimalsOf(currency: string): number {
  return decimalsByCurrency[currency] ?? 2;
}

const decimal = /^([+-]?)(\d{1,15})(?:\.(\d{1,9}))?(-?)$/;

/**
 * Reads `12.50`, `-12.5` or, as IDocs write it, `349.9000-`.
 * Returns minor units, or null when it is no amount or finer than the currency allows.
 */
export function readAmount(text: string, currency: string): number | null {
  const match = decimal.exec(text);
  if (match === null) return null;
  const [, sign, whole = "", fraction = "", trailing] = match;
  if (sign !== "" && trailing === "-") return null;
  const places = decimalsOf(currency);
  if (fraction.length > places && /[1-9]/.test(fraction.slice(places))) return null;
  const minor = Number(whole + fraction.slice(0, places).padEnd(places, "0"));
  if (!Number.isSafeInteger(minor)) return null;
  return minor !== 0 && (sign === "-" || trailing === "-") ? -minor : minor;
}

/** `-12.50` */
export function writeAmount(minor: number, currency: string): string {
  const places = decimalsOf(currency);
  const digits = String(Math.abs(minor)).padStart(places + 1, "0");
  const sign = minor < 0 ? "-" : "";
  return places === 0 ? sign + digits : `${sign}${digits.slice(0, -places)}.${digits.slice(-places)}`;
}
