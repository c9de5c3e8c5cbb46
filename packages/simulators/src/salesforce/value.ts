/** What a field holds. Instants are kept as `2026-01-01T00:00:00.000Z`, days as `2026-01-01`. */
export type Value = string | number | boolean | null;

/** Fields of a record by API name; a field that is not there is null. */
export type Values = Readonly<Record<string, Value>>;

/** As the REST interface writes it: instants with `+0000`. */
export function shownInstant(value: Value): Value {
  return typeof value === "string" ? value.replace(/Z$/, "+0000") : value;
}
