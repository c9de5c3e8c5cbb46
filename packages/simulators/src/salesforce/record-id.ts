const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const suffixAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/**
 * The id of a record, 18 characters: key prefix (3), instance (3), number in base 62 (9), and the suffix that makes it
 * comparable without regard to case.
 */
export function recordId(keyPrefix: string, n: number): string {
  let digits = "";
  for (let rest = n; rest > 0; rest = Math.floor(rest / 62)) digits = alphabet.charAt(rest % 62) + digits;
  return withSuffix(`${keyPrefix}Hs0${digits.padStart(9, "0")}`);
}

/** The 18-character form of an id, or null when the text is no id (15 or 18 letters and digits, right suffix). */
export function normalizeId(text: string): string | null {
  if (!/^(?:[A-Za-z0-9]{15}|[A-Za-z0-9]{18})$/.test(text)) return null;
  const whole = withSuffix(text.slice(0, 15));
  return text.length === 15 || whole === text ? whole : null;
}

/** Three letters, each telling which of five characters are capitals: the published algorithm for 18-character ids. */
function withSuffix(id: string): string {
  const suffix = [0, 5, 10].map((start) => {
    const capitals = [...id.slice(start, start + 5)].map((letter) => /[A-Z]/.test(letter));
    return suffixAlphabet.charAt(capitals.reduce((bits, capital, i) => bits + (capital ? 1 << i : 0), 0));
  });
  return id + suffix.join("");
}
