/** The stories of our processes: faults at a simulated SAP, what the tables say became of them, and what a timeline must then tell. */
import { setTimeout as pause } from "node:timers/promises";
import { openControlClient } from "@entente/simulators";
import pg from "pg";
import { preloadStories, type StoryDatabases } from "./preload-stories.ts";
import type { HandedOver, Stories } from "./target.ts";

const ledgerTreaty = "sap-ledger";
const postings = { operation: "post-journal-entries" };
const lookMs = 100;
const stuckMs = 180_000;

export type StoriesSetting = {
  /** Of the edge. */
  url: string;
  /** Authorization header of an operator. */
  operator: string;
  /** The simulator of SAP. */
  sapUrl: string;
  /** URL of a context's database. */
  databaseOf(context: string): Promise<string>;
};

export type OpenStories = Stories & { close(): Promise<void> };

export async function openStories({
  url,
  operator,
  sapUrl,
  databaseOf,
}: StoriesSetting): Promise<OpenStories> {
  const sap = openControlClient(sapUrl);
  const open = async (context: keyof StoryDatabases): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: await databaseOf(context) });
    await client.connect();
    return client;
  };
  const databases: StoryDatabases = {
    gateway: await open("gateway"),
    subscription: await open("subscription"),
    ledger: await open("ledger"),
  };
  const { ledger } = databases;
  let mark = await markOf(ledger);

  /** Whether everything has come to an end; moves business time on when only that is waited for. */
  async function isOver(topUps: number): Promise<boolean> {
    const atLedger = await openHandOffs(ledger);
    const { rows } = await ledger.query<{ rows: number }>(
      `select coalesce(sum(h.row_count), 0)::int as rows from ${openedSince} join entente.hand_off h
         on h.tenant_id = o.tenant_id and h.hand_off_id = o.id`,
      [mark],
    );
    if ((rows[0]?.rows ?? 0) < topUps) return false;
    if (total(atLedger) === 0) return true;
    const waits = (atLedger.unknown ?? 0) + (atLedger.accepted ?? 0) + (atLedger.retry_wait ?? 0);
    // The counterparty says for certain what became of a sending two minutes after it.
    if (waits > 0 && atLedger.sent === undefined) {
      const answer = await fetch(`${url}/dev/clock`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: `{"advance":"PT20S"}`,
      });
      if (!answer.ok) throw new Error(`/dev/clock answered ${answer.status}`);
    }
    return false;
  }

  async function whatBecame(): Promise<HandedOver[]> {
    const { rows } = await ledger.query<HandedOver>(
      `select r.value ->> 'processId' as "processId", case when w.outcome = 'rejected' then w.code end as "refusedWith",
         exists (select from entente.journal u
           where u.process_id = o.id and u.process_id <> u.id and u.type = 'entente.hand-off-unknown') as "wasUnknown"
       from ${openedSince} cross join lateral json_array_elements(o.data -> 'rows') with ordinality as r(value, n)
       join entente.hand_off_row w on w.hand_off_id = o.id and w.row = r.n - 1`,
      [mark],
    );
    return rows;
  }

  return {
    async injectFaults(refusals, lostAnswers) {
      await sap.removeRules();
      mark = await markOf(ledger);
      await sap.rule({ behaviour: "rejection", reason: "period-closed", when: postings, times: refusals });
      // A message has a posting at least: with so many gone as usual all refusals are over, and none is in a message that is asked about
      // and sent again.
      await sap.rule({ behaviour: "success", when: postings, times: refusals });
      await sap.rule({ behaviour: "timeout", effect: true, holdMs: 500, when: postings, times: lostAnswers });
    },
    async settled(topUps, signal) {
      const late = performance.now() + stuckMs;
      while (!(await isOver(topUps))) {
        signal.throwIfAborted();
        if (performance.now() > late) {
          const states = JSON.stringify(await openHandOffs(ledger));
          throw new Error(`hand-offs of ${topUps} top-ups are not over: ${states}`);
        }
        await pause(lookMs);
      }
      const found = await whatBecame();
      const idle = (await sap.rules()).filter(({ applied, times = 0 }) => applied < times);
      if (idle.length > 0) throw new Error(`faults that did not happen: ${JSON.stringify(idle)}`);
      if (
        !found.some(({ refusedWith }) => refusedWith !== null) ||
        !found.some(({ wasUnknown }) => wasUnknown)
      )
        throw new Error("nothing was refused, or no answer was lost");
      return found;
    },
    preload: (n) => preloadStories(databases, n),
    async read(processId) {
      const answer = await fetch(`${url}/ops/processes/${processId}/timeline`, {
        headers: { authorization: operator },
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`timeline of ${processId}: ${answer.status} ${text.slice(0, 300)}`);
      return text;
    },
    missing,
    async close() {
      await Promise.all(Object.values(databases).map((client: pg.Client) => client.end()));
    },
  };
}

/** Openings after a mark. Index: journal_reading. */
const openedSince = `(select * from entente.journal
  where lane = any('{0,1,2,3,4,5,6,7}'::int2[]) and xid > $1::text::xid8 and type = 'entente.hand-off-opened') as o`;

async function markOf(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ xid: string }>("select pg_current_xact_id()::text as xid");
  return rows[0]?.xid ?? "";
}

/** How many are in each state that is no end and no person's. */
async function openHandOffs(client: pg.Client): Promise<Record<string, number>> {
  const { rows } = await client.query<{ state: string; n: number }>(
    `select state, count(*)::int as n from entente.hand_off
     where state not in ('completed', 'cancelled') and state not in ('rejected', 'fallout') group by state`,
  );
  return Object.fromEntries(rows.map(({ state, n }) => [state, n]));
}

function total(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, n) => sum + n, 0);
}

/** What of `GET /ops/processes/{id}/timeline` is looked at here. */
type Timeline = {
  steps: { entryId: string; type: string; context: string; data: Record<string, unknown> }[];
  attempts: {
    what: string;
    attempts: {
      outcomes: {
        state: string;
        by: string | null;
        class: string | null;
        code: string | null;
        means: string | null;
      }[];
    }[];
  }[];
  cases: { owner: string; kind: string }[];
  tookPart: { contexts: string[]; counterparties: string[] };
  away: string[];
  more: boolean;
};

function missing(text: string, { processId, refusedWith, wasUnknown }: HandedOver): string[] {
  const { steps, attempts, cases, tookPart, away, more } = JSON.parse(text) as Timeline;
  const lacks: string[] = [];
  const must = (holds: boolean, what: string): void => void (holds || lacks.push(what));
  must(away.length === 0 && !more, "a context's part");
  for (const type of ["flux.top-up", "flux.balance-debited"])
    must(
      steps.some((step) => step.type === type),
      type,
    );
  const openings = steps.filter(
    ({ type, context }) => type === "entente.hand-off-opened" && context === "ledger",
  );
  const own = openings.flatMap(({ data }) => data.rows as { processId: string; factId: string }[]);
  const isOwn = own.length === 1 && own[0]?.processId === processId;
  must(isOwn, "its own posting, and no other");
  // A batch that others share has causes of its own for each of its rows.
  const debit = steps.find(({ type }) => type === "flux.balance-debited");
  must(debit !== undefined && own[0]?.factId === debit.entryId, "what led to its posting");
  must(tookPart.counterparties.includes("sap"), "SAP");
  const outcomes = attempts
    .filter(({ what }) => what === ledgerTreaty)
    .flatMap((posting) => posting.attempts.flatMap((tried) => tried.outcomes));
  const end = refusedWith === null ? "completed" : "rejected";
  must(
    outcomes.some(({ state }) => state === end),
    `that it was ${end}`,
  );
  if (refusedWith !== null) {
    const refusal = outcomes.find(({ state }) => state === "rejected");
    must(
      refusal?.code === refusedWith && (refusal.means ?? "") !== "",
      `why it was refused (${refusedWith})`,
    );
    must(
      cases.some(({ owner }) => owner !== ""),
      "whose case it is",
    );
  }
  if (wasUnknown) {
    const lost = outcomes.find(({ state }) => state === "unknown");
    must(lost !== undefined && lost.code !== null && lost.class !== null, "why nobody knew");
  }
  return lacks;
}
