import type { ProcessRecord, System } from "@entente/core";
import type { Logger } from "pino";
import type { EdgeLimits } from "./limits.ts";
import type { CustomerText } from "./process-answer.ts";
import type { Streams } from "./streams.ts";
import type { TokenVerifier } from "./tokens.ts";

/** What the edge's own routes share. */
export interface EdgeContext {
  readonly system: System;
  readonly limits: EdgeLimits;
  readonly log: Logger;
  readonly verifier: TokenVerifier;
  readonly streams: Streams;
  /** The account a process belongs to; undefined when that is its ordering key. */
  readonly accountOf: ((record: ProcessRecord) => string | null) | undefined;
  readonly textOf: ((record: ProcessRecord) => CustomerText) | undefined;
  /** True once the server began to close. */
  readonly closing: () => boolean;
}
