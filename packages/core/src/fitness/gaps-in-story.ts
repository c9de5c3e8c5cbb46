import type { Entry, Json, JsonObject } from "../model/entry.ts";
import { openedType } from "../treaty/hand-off-entries.ts";

/**
 * The entries of a process's story that cannot be followed back to a beginning, by id; none for a whole story. Pure.
 *
 * The story begins with the command that was accepted. What something outside of the journals brings in begins beside it and says what it
 * came from: a message of a counterparty, a change heard in a feed, a look of reconciliation, the act of a person, the command of another process. A batch follows from the
 * facts of the process that are among its rows: its own cause is the first row's, which may be another process's.
 * The process's own id is among the gaps when its command is missing, or when nothing followed from it.
 */
export function gapsInStory(processId: string, entries: readonly Entry[]): string[] {
  const reached = new Set<string>();
  let left = [...entries];
  for (let before = -1; left.length !== before; ) {
    before = left.length;
    left = left.filter((entry) => {
      const causes = causesOf(entry);
      const isReached =
        causes.length === 0 ? isBeginning(entry, processId) : causes.every((id) => reached.has(id));
      if (isReached) reached.add(entry.id);
      return !isReached;
    });
  }
  const gaps = new Set(left.map(({ id }) => id));
  if (!reached.has(processId) || entries.length < 2) gaps.add(processId);
  return [...gaps];
}

function causesOf({ type, causationId, data: { rows } }: Entry): readonly string[] {
  if (causationId === null) return [];
  const isBatch = type === openedType && Array.isArray(rows) && rows.length > 0;
  return isBatch ? rows.map((row) => text(member(row, "factId")) ?? "") : [causationId];
}

/** An entry without a cause: the command of the process, or one that says where outside of the journals it came from. */
function isBeginning(entry: Entry, processId: string): boolean {
  const { id, kind, data, source, target } = entry;
  if (id === processId) return kind === "command";
  // Accepted like any other, and the beginning of another process, in which this one was changed.
  if (kind === "command" && id === entry.processId && target !== null && target !== source) return true;
  switch (kind) {
    case "callback":
      return text(data.treaty) !== null && text(data.messageId) !== null;
    case "reconciliation":
      return text(data.treaty) !== null;
    case "control":
      return text(data.by) !== null;
    case "command":
      return text(member(data.heard, "treaty")) !== null;
    default:
      return false;
  }
}

function member(value: Json | undefined, name: string): Json | undefined {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as JsonObject)[name] : undefined;
}

function text(value: Json | undefined): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
