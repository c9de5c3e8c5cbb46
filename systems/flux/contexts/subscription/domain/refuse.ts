import type { JsonObject, Refusal } from "@entente/core/model";
import { type RefusalCode, refusalReasons } from "../contract/refusals.ts";

/** A refusal of this context: its code is in the published list, its sentence comes from there. */
export interface SubscriptionRefusal<Code extends RefusalCode = RefusalCode> extends Refusal {
  readonly code: Code;
}

/** Says no with a published code. `fields` are safe to show, e.g. the limit that was met. */
export function refuse<Code extends RefusalCode>(code: Code, fields?: JsonObject): SubscriptionRefusal<Code> {
  const refusal = { refused: true, code, reason: refusalReasons[code] } as const;
  return fields === undefined ? refusal : { ...refusal, fields };
}
