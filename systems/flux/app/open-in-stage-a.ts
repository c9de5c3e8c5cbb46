import { type Database, Failure } from "@entente/core";
import { timeOfId } from "@entente/core/model";
import { readUnendedRequests } from "../contexts/gateway/store/requested-top-ups.ts";
import { notePosting } from "../contexts/ledger/contract/report-posting.ts";
import {
  requestCommands,
  requestFacts,
  requestWishes,
} from "../contexts/request/contract/published-language.ts";
import { readOpenHandOffs, readOpenRequests, readSetAside } from "../contexts/request/store/open-requests.ts";
import { everyCounterparty } from "./contract.ts";
import { treatiesWith } from "./counterparties.ts";

/** What was begun in stage A and is not over, of all tenants. One top-up may be counted in several places. */
export interface OpenInStageA {
  /** Top-ups accepted as requests whose processes have not ended. */
  readonly topUps: number;
  /** Requests whose record at the authority has not its outcome yet. */
  readonly requests: number;
  /** Hand-offs of stage A's own treaties that are under way or wait for a person. */
  readonly handOffs: number;
  /** Entries of stage A that were set aside. */
  readonly setAside: number;
  /** The oldest process among them; `since`: when it was accepted, epoch milliseconds. */
  readonly oldest: { readonly processId: string; readonly since: number } | null;
}

/** Contexts whose databases have to be looked into. */
export const contextsOfStageA = ["gateway", "subscription", "ledger", "request"] as const;

const namesIn = (stage: "A" | "B"): readonly string[] =>
  treatiesWith(everyCounterparty, stage).map(({ treaty }) => treaty.name);
/** Those that stage B has not, so that nobody would carry them on. */
const ownTreaties = namesIn("A").filter((name) => !namesIn("B").includes(name));

const types = (messages: readonly { readonly type: string }[]): readonly string[] =>
  messages.map(({ type }) => type);

/** Entries that nobody, or somebody else, would execute in stage B, by the context that has set them aside. */
const ownEntries = {
  request: [...types(requestCommands), ...types(requestFacts)],
  subscription: types(requestWishes),
  ledger: types([notePosting]),
} as const;

/** Reads it where it stands, in four databases: upstream first, so that what moves on meanwhile is seen twice rather than never. */
export async function readOpenInStageA(
  databaseOf: (context: (typeof contextsOfStageA)[number]) => Database,
): Promise<OpenInStageA> {
  const ledger = databaseOf("ledger");
  const request = databaseOf("request");
  const topUps = await readUnendedRequests(databaseOf("gateway"));
  const requests = await readOpenRequests(request);
  const aside = [
    await readSetAside(request, ownEntries.request),
    await readSetAside(databaseOf("subscription"), ownEntries.subscription),
    await readSetAside(ledger, ownEntries.ledger),
  ];
  const handOffs = [
    await readOpenHandOffs(request, ownTreaties),
    await readOpenHandOffs(ledger, ownTreaties),
  ];
  const sum = (found: readonly { readonly count: number }[]) =>
    found.reduce((all, { count }) => all + count, 0);
  const [processId] = [...aside, ...handOffs, requests, topUps].flatMap(({ oldest }) => oldest ?? []).sort();
  return {
    topUps: topUps.count,
    requests: requests.count,
    handOffs: sum(handOffs),
    setAside: sum(aside),
    oldest: processId === undefined ? null : { processId, since: timeOfId(processId) },
  };
}

/** Errors: `stage-a-open` (refused) while anything of stage A is open: in stage B nobody would end it. */
export function refuseOpenInStageA(open: OpenInStageA): void {
  const { topUps, requests, handOffs, setAside, oldest } = open;
  if (oldest === null) return;
  const since = new Date(oldest.since).toISOString();
  throw new Failure(
    "refused",
    "stage-a-open",
    `Stage B does not start while something of stage A is open: ${topUps} top-ups, ${requests} requests, ${handOffs} hand-offs, ${setAside} entries set aside, the oldest of process ${oldest.processId}, accepted ${since}. Start with ENTENTE_FLUX_STAGE=A-to-B until nothing is.`,
    { fields: { topUps, requests, handOffs, setAside, oldest: oldest.processId, since } },
  );
}
