/** The time of the fake system when a test begins. */
export const fakeNow = Date.UTC(2026, 0, 15, 12);

/** A UUIDv7 that says which one it is. */
export function fakeId(n: number): string {
  return `019bb000-0000-7000-8000-${n.toString(16).padStart(12, "0")}`;
}
