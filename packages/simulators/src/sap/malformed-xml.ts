import type { BehaviourOf } from "../control/behaviour.ts";

/** Elements whose loss or wrong content an adapter must notice, most telling first. */
const telling = ["AccountingDocument", "DOCNUM", "faultstring"];
const typed = ["MaximumLogItemSeverityCode", "FiscalYear", "DOCNUM"];

/** XML made unreadable: cut in the middle, without an element everywhere it stood, or with a word where a number should be. */
export function malformedXml(variant: BehaviourOf<"malformed">["variant"], body: string): string {
  const cut = body.slice(0, Math.ceil(body.length / 2));
  if (variant === "not-json") return cut;
  const name = (variant === "missing-field" ? telling : typed).find((one) => body.includes(`<${one}>`));
  if (name === undefined) return cut;
  const written = new RegExp(`<${name}>[^<]*</${name}>`, "g");
  return body.replace(written, variant === "missing-field" ? "" : `<${name}>many</${name}>`);
}
