import type { ClientRecord } from "./client-journal.ts";
import type { LedgerFact } from "./journal-check.ts";
import { seededRandom } from "./seeded-random.ts";

/** What clients wrote down and what the ledger says of one simulated run. */
export interface Run {
  readonly records: ClientRecord[];
  readonly facts: LedgerFact[];
}

/**
 * Simulates clients of a system that does everything right, seen from both sides: some answers get lost, some requests
 * are refused, unanswered ones are sometimes repeated under the same key and sometimes executed, and answers come in
 * any order. The ledger's order is that of acceptance, which lies somewhere between sending and answer.
 */
export function honestRun(seed: number, commands: number, accounts: number): Run {
  const random = seededRandom(seed);
  const records: ClientRecord[] = [];
  const facts: LedgerFact[] = [];
  /** One clock for all: sending, accepting and answering are moments on it. */
  const moments: { at: number; run: () => void }[] = [];
  const places = new Map<string, number>();
  let accepted = 0;
  for (let n = 0; n < commands; n++) {
    const account = `account-${random.below(accounts)}`;
    const key = `key-${n}`;
    const processId = `process-${n}`;
    const sentOrder = n * 10;
    const acceptedAt = sentOrder + 1 + random.below(60);
    const answeredOrder = acceptedAt + 1 + random.below(60);
    const fate = random.below(10);
    const request = { key, account, sentAt: sentOrder, sentOrder, answeredOrder: null, processId: null };
    const effect = (): void => {
      const order = (places.get(account) ?? 0) + 1;
      places.set(account, order);
      const type = (["confirmed", "refused", "failed"] as const)[random.below(3)] ?? "confirmed";
      facts.push({ processId, account, type, order, acceptedOrder: ++accepted });
    };
    if (fate === 0) {
      records.push({ ...request, answeredOrder, outcome: "refused" });
      continue;
    }
    if (fate > 1) moments.push({ at: acceptedAt, run: effect });
    if (fate > 3) records.push({ ...request, answeredOrder, outcome: "accepted", processId });
    else records.push({ ...request, outcome: "unknown" });
    // Asked again, with the same key, and told what the first request led to.
    if (fate === 3) {
      const again = { sentOrder: answeredOrder + 1, answeredOrder: answeredOrder + 9 };
      records.push({ ...request, ...again, outcome: "accepted", processId });
    }
  }
  for (const moment of moments.sort((a, b) => a.at - b.at)) moment.run();
  return { records, facts };
}
