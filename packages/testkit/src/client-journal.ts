/**
 * One request as its client wrote it down, outside the system under test.
 * sentOrder and answeredOrder are taken from one counter that all clients share, so that "answered before the other
 * was sent" is a fact and not a matter of clocks. Repeats of one key are records of their own.
 */
export interface ClientRecord {
  /** The idempotency key. */
  readonly key: string;
  readonly account: string;
  /** Epoch milliseconds; only shown in messages. */
  readonly sentAt: number;
  readonly sentOrder: number;
  /** Null when no answer came. */
  readonly answeredOrder: number | null;
  /** `accepted`: a 202. `refused`: an answer that says nothing was taken (4xx, 429). `unknown`: no answer, or an unclear one. */
  readonly outcome: "accepted" | "refused" | "unknown";
  readonly processId: string | null;
}

/** All requests of one key: what a client wanted once, however often it had to ask. */
export interface ClientCommand {
  readonly key: string;
  readonly account: string;
  readonly sentAt: number;
  /** First request that may have been taken: one that was refused cannot have caused an effect. */
  readonly sentOrder: number;
  /** First answer that accepted it; null when none did. */
  readonly answeredOrder: number | null;
  /** Accepted if any request was, unknown if any may have been. */
  readonly outcome: ClientRecord["outcome"];
  /** Every process the client was told of; more than one is a violation. */
  readonly processIds: readonly string[];
  readonly requests: number;
}

/** Groups the records of each key. */
export function commandsOf(records: readonly ClientRecord[]): readonly ClientCommand[] {
  return [...groupBy(records, (record) => record.key).values()].map(commandOf);
}

function commandOf(records: readonly ClientRecord[]): ClientCommand {
  const inOrder = records.toSorted((a, b) => a.sentOrder - b.sentOrder);
  const first = inOrder.find((record) => record.outcome !== "refused") ?? inOrder[0]!; // a group has a record
  const accepted = inOrder.filter((record) => record.outcome === "accepted");
  const answers = accepted.map((record) => record.answeredOrder).filter((order) => order !== null);
  return {
    key: first.key,
    account: first.account,
    sentAt: first.sentAt,
    sentOrder: first.sentOrder,
    answeredOrder: answers.length === 0 ? null : Math.min(...answers),
    outcome: accepted.length > 0 ? "accepted" : first.outcome,
    processIds: [...new Set(inOrder.map((record) => record.processId).filter((id) => id !== null))],
    requests: records.length,
  };
}

/** Values under each name, in the order given. */
export function groupBy<Value>(
  values: readonly Value[],
  nameOf: (value: Value) => string,
): ReadonlyMap<string, Value[]> {
  const groups = new Map<string, Value[]>();
  for (const value of values) {
    const group = groups.get(nameOf(value));
    if (group === undefined) groups.set(nameOf(value), [value]);
    else group.push(value);
  }
  return groups;
}
