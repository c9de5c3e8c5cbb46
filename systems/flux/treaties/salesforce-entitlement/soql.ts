/** A text as a literal of their query language: quotes and backslashes cannot end it. */
export function soqlText(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&").replaceAll("\n", "\\n").replaceAll("\r", "\\r")}'`;
}

/** A query of their language; not SQL, and nothing of ours is read by it. `rest`: from WHERE on. */
export function soqlQuery(fields: readonly string[], object: string, rest = ""): string {
  return ["SELECT", fields.join(", "), "FROM", object, rest].join(" ").trim();
}
