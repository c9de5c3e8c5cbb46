/** A text as a literal of their query language: quotes and backslashes cannot end it. */
export function soqlText(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&").replaceAll("\n", "\\n").replaceAll("\r", "\\r")}'`;
}
