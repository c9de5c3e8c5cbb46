/** Names of the declaration's entries as a reader sees them: `tenantPropagation` is "Tenant propagation". */
export function entryTitle(name: string): string {
  const words = name.replace(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A question of the declaration as one: `whoMayAsk` is "Who may ask?". */
export function questionTitle(name: string): string {
  return `${entryTitle(name)}?`;
}

/** `90000` is "90 s". Whole milliseconds. */
export function duration(ms: number): string {
  const units = [
    [86_400_000, "d"],
    [3_600_000, "h"],
    [60_000, "min"],
    [1_000, "s"],
  ] as const;
  const [size, unit] = units.find(([size]) => ms >= size && ms % size === 0) ?? [1, "ms"];
  return `${ms / size} ${unit}`;
}
