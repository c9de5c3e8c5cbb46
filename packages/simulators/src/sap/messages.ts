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
  all(): readonly AsyncMessage[];
  byId(id: string): readonly AsyncMessage[];
  find(number: string): AsyncMessage | undefined;
}

export function openMessages(): Messages {
  const all: AsyncMessage[] = [];
  const byId = new Map<string, AsyncMessage[]>();
  return {
    add(message) {
      const added: AsyncMessage = {
        ...message,
        number: String(all.length + 1).padStart(20, "0"),
        outcome: null,
      };
      all.push(added);
      byId.set(added.id, [...(byId.get(added.id) ?? []), added]);
      return added;
    },
    all: () => all,
    byId: (id) => byId.get(id) ?? [],
    find: (number) => all[Number(number) - 1],
  };
}

/** Q waits, S all posted, W some, E none. */
export function statusOf({ outcome }: AsyncMessage): "Q" | "S" | "W" | "E" {
  if (outcome === null) return "Q";
  const posted = outcome.entries.filter(({ document }) => document !== null).length;
  return posted === outcome.entries.length ? "S" : posted === 0 ? "E" : "W";
}
