/** Asynchronous messages and what became of each: what the original shows in its monitor of application messages. */
import type { ConfirmedEntry } from "./soap/confirmation.ts";

export interface MessageEntry extends ConfirmedEntry {
  readonly reference: string;
}

export interface AsyncMessage {
  /** Given here; callers' ids may repeat. */
  readonly number: string;
  /** MessageHeader/ID, and UUID. */
  readonly id: string;
  readonly uuid: string;
  readonly receivedAt: number;
  readonly references: readonly string[];
  /** Null while it waits. */
  outcome: { readonly at: number; readonly entries: readonly MessageEntry[] } | null;
}

export interface Messages {
  add(message: Pick<AsyncMessage, "id" | "uuid" | "receivedAt" | "references">): AsyncMessage;
  /** What became of it. */
  end(message: AsyncMessage, outcome: NonNullable<AsyncMessage["outcome"]>): void;
  all(): readonly AsyncMessage[];
  byId(id: string): readonly AsyncMessage[];
  find(number: string): AsyncMessage | undefined;
}

/**
 * `kept`: messages so far, by number; new ones are added. One that waited when the program ended is gone, as if it had been lost on the way:
 * who asks is told that there is none.
 */
export function openMessages(kept: Map<string, AsyncMessage> = new Map()): Messages {
  const byNumber = new Map<string, AsyncMessage>();
  const byId = new Map<string, AsyncMessage[]>();
  let last = 0;
  function enter(message: AsyncMessage): void {
    last = Number(message.number);
    byNumber.set(message.number, message);
    byId.set(message.id, [...(byId.get(message.id) ?? []), message]);
  }
  for (const message of kept.values()) {
    if (message.outcome === null) kept.delete(message.number);
    else enter(message);
  }
  return {
    add(message) {
      const number = String(last + 1).padStart(20, "0");
      const added: AsyncMessage = { ...message, number, outcome: null };
      enter(added);
      kept.set(number, added);
      return added;
    },
    end(message, outcome) {
      message.outcome = outcome;
      kept.set(message.number, message);
    },
    all: () => [...byNumber.values()],
    byId: (id) => byId.get(id) ?? [],
    find: (number) => byNumber.get(number.padStart(20, "0")),
  };
}

/** Q waits, S all posted, W some, E none. */
export function statusOf({ outcome }: AsyncMessage): "Q" | "S" | "W" | "E" {
  if (outcome === null) return "Q";
  const posted = outcome.entries.filter(({ document }) => document !== null).length;
  return posted === outcome.entries.length ? "S" : posted === 0 ? "E" : "W";
}
