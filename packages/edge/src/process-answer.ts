import type { ProcessRecord } from "@entente/core";
import type { JsonObject, Position, ProcessReason } from "@entente/core/model";
import { Type } from "typebox";
import type { EdgeContext } from "./edge-context.ts";
import type { Identity } from "./tokens.ts";

/** What a customer reads about a process. */
export interface CustomerText {
  readonly title?: string;
  readonly text: string;
}

/** A process as callers see it. Times are ISO 8601 in UTC, business time. */
export interface ProcessAnswer extends Partial<CustomerText> {
  readonly processId: string;
  readonly type: string;
  readonly state: ProcessRecord["state"];
  readonly steps: readonly { readonly name: string; readonly state: string; readonly at: string }[];
  readonly acceptedAt: string;
  readonly updatedAt: string;
  /** Present, and true, while the process is unfinished past its limit. */
  readonly delayed?: true;
  /** Present when what it shows was observed and not decided: up to then it may be taken for news. */
  readonly freshUntil?: string;
  /** Present, and true, once it is past that. */
  readonly stale?: true;
  /** Present when it failed. */
  readonly reason?: ProcessReason;
  readonly outcome?: JsonObject;
}

export const ProcessSchema = Type.Object(
  {
    processId: Type.String({ format: "uuid" }),
    type: Type.String({ examples: ["top-up"] }),
    state: Type.Enum(["queued", "processing", "confirmed", "failed"]),
    steps: Type.Array(
      Type.Object({
        name: Type.String(),
        state: Type.Enum(["open", "done", "failed", "undone"]),
        at: Type.String({ format: "date-time" }),
      }),
    ),
    acceptedAt: Type.String({ format: "date-time" }),
    updatedAt: Type.String({ format: "date-time" }),
    delayed: Type.Optional(Type.Boolean({ description: "Unfinished past its limit." })),
    freshUntil: Type.Optional(
      Type.String({
        format: "date-time",
        description:
          "What it shows was observed: up to then it may be taken for news. Absent: it stays true.",
      }),
    ),
    stale: Type.Optional(
      Type.Boolean({ description: "Past `freshUntil`: it was so, and may be otherwise now." }),
    ),
    reason: Type.Optional(
      Type.Object({ code: Type.String(), message: Type.String() }, { description: "Why it failed." }),
    ),
    outcome: Type.Optional(Type.Object({}, { additionalProperties: true })),
    title: Type.Optional(Type.String({ description: "The state in one word, for people." })),
    text: Type.Optional(Type.String({ description: "What the customer reads." })),
  },
  { description: "The process as it stands." },
);

export function processAnswer(record: ProcessRecord, textOf: EdgeContext["textOf"]): ProcessAnswer {
  return {
    processId: record.processId,
    type: record.type,
    state: record.state,
    steps: record.steps.map(({ name, state, at }) => ({ name, state, at: isoTime(at) })),
    acceptedAt: isoTime(record.acceptedAt),
    updatedAt: isoTime(record.updatedAt),
    ...(record.delayed ? { delayed: true } : {}),
    ...(record.freshUntil === null ? {} : { freshUntil: isoTime(record.freshUntil) }),
    ...(record.stale ? { stale: true } : {}),
    ...(record.reason === null ? {} : { reason: record.reason }),
    ...(record.outcome === null ? {} : { outcome: record.outcome }),
    ...textOf?.(record),
  };
}

export function isoTime(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/** A customer sees the processes of the accounts in the token; operators and auditors those of their tenant; nobody another tenant's. */
export function maySee(
  identity: Identity,
  record: ProcessRecord,
  accountOf: EdgeContext["accountOf"],
): boolean {
  if (record.tenantId !== identity.tenant) return false;
  if (identity.role !== "customer") return true;
  const account = accountOf === undefined ? record.key : accountOf(record);
  return account !== null && identity.accounts.has(account);
}

/**
 * Names a state of a process: its place in the order of changes. Becoming late is no change, hence the suffix.
 * `place`: where a stream of many processes stands when it tells of this one, if that is not the process's own place.
 */
export function eventId(record: ProcessRecord, place: Position = record.change): string {
  return `${place.xid}.${place.seq}${record.delayed ? ".delayed" : ""}`;
}

export const eventIdPattern = "^[0-9]{1,20}\\.[0-9]{1,19}(\\.delayed)?$";

const highestXid = 2n ** 64n - 1n;
const highestSeq = 2n ** 63n - 1n;

/** The position in an event id that fits `eventIdPattern`. Numbers beyond 64 bits become the highest. */
export function positionOf(id: string): Position {
  const [xid = "0", seq = "0"] = id.split(".");
  const bounded = (text: string, highest: bigint) => String(BigInt(text) > highest ? highest : BigInt(text));
  return { xid: bounded(xid, highestXid), seq: bounded(seq, highestSeq) };
}
