import { Agent, request } from "node:http";
import type { ClientRecord, LedgerFact, SeededRandom } from "@entente/testkit";

/** What clients do while everything is being killed: each keeps asking with the same key until it is told 202. */
export interface Load {
  readonly records: readonly ClientRecord[];
  /** Commands whose client was told 202. */
  accepted(): number;
  /** One command of its own for the n-th account, written down with the others; asks until it is told 202. Answers its process. */
  ask(n: number): Promise<string>;
  /** Lets every client finish the command it has under way, and ends. */
  finish(): Promise<void>;
}

export interface LoadOptions {
  readonly url: string;
  readonly token: string;
  readonly accounts: number;
  readonly clients: number;
  readonly random: SeededRandom;
  /** Share of commands that are sent twice at the same time. */
  readonly twins: number;
  /** What a client does between a 202 and its next command (default: nothing). */
  readonly afterwards?: (processId: string) => Promise<void>;
}

/** Loads of this program so far: a key of one is no repeat of another's. */
let loads = 0;

export function startLoad(options: LoadOptions): Load {
  const ownKeys = `chaos-${loads++}`;
  const agent = new Agent({ keepAlive: true, maxSockets: options.clients * 2 });
  const records: ClientRecord[] = [];
  let order = 0;
  let accepted = 0;
  let finishing = false;
  let made = 0;

  async function ask(key: string, n: number): Promise<ClientRecord> {
    const account = `acct-${String(n).padStart(4, "0")}`;
    const sentOrder = order++;
    const sentAt = Date.now();
    const answer = await post(agent, options, key, account, `car-${String(n).padStart(4, "0")}`);
    const record: ClientRecord = {
      key,
      account,
      sentAt,
      sentOrder,
      answeredOrder: answer.status === 0 ? null : order++,
      outcome: outcomeOf(answer.status),
      processId: answer.processId,
    };
    records.push(record);
    return record;
  }

  /** Answers the process. */
  async function untilAccepted(n: number, twin: boolean): Promise<string> {
    const key = `${ownKeys}-${made++}`;
    for (;;) {
      const asked = [ask(key, n)];
      if (twin) asked.push(ask(key, n));
      const told = (await Promise.all(asked)).find(({ outcome }) => outcome === "accepted");
      if (told?.processId != null) return told.processId;
      // Does not keep the process alive: a test that fails leaves clients behind that ask for ever.
      await new Promise((resolve) => setTimeout(resolve, 100).unref());
    }
  }

  async function client(): Promise<void> {
    while (!finishing) {
      const n = 1 + options.random.below(options.accounts);
      const processId = await untilAccepted(n, options.random.next() < options.twins);
      accepted++;
      await options.afterwards?.(processId);
    }
  }

  const clients = Array.from({ length: options.clients }, client);
  return {
    records,
    accepted: () => accepted,
    async ask(n) {
      const processId = await untilAccepted(n, false);
      accepted++;
      return processId;
    },
    async finish() {
      finishing = true;
      await Promise.all(clients);
      agent.destroy();
    },
  };
}

function outcomeOf(status: number): ClientRecord["outcome"] {
  if (status === 202) return "accepted";
  // A 503 or 429 promises that nothing was stored; a 504 or no answer promises nothing.
  return status === 503 || status === 429 ? "refused" : "unknown";
}

function post(
  agent: Agent,
  options: LoadOptions,
  key: string,
  accountId: string,
  condenserId: string,
): Promise<{ status: number; processId: string | null }> {
  const body = JSON.stringify({ accountId, condenserId, units: 1 });
  return new Promise((resolve) => {
    const lost = () => resolve({ status: 0, processId: null });
    const sent = request(
      `${options.url}/top-ups`,
      {
        method: "POST",
        agent,
        timeout: 20_000,
        headers: {
          "content-type": "application/json",
          "content-length": Buffer.byteLength(body),
          authorization: `Bearer ${options.token}`,
          "idempotency-key": key,
        },
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part: string) => {
          text += part;
        });
        response.on("error", lost);
        response.on("end", () => {
          if (!response.complete) return lost();
          const processId = (JSON.parse(text) as { processId?: string }).processId ?? null;
          resolve({ status: response.statusCode ?? 0, processId });
        });
      },
    );
    sent.on("error", lost);
    sent.on("timeout", () => sent.destroy());
    sent.end(body);
  });
}

interface FeedEvent {
  readonly type: string;
  readonly subject: string;
  readonly processid: string;
  readonly id: string;
  readonly kind: string;
}

/** The whole journal of a context as an auditor reads it: over HTTP, by cursor. */
export async function readJournal(url: string, token: string, context: string): Promise<FeedEvent[]> {
  const events: FeedEvent[] = [];
  let cursor = "";
  for (;;) {
    const answer = await fetch(
      `${url}/journals/${context}/events?limit=1000${cursor === "" ? "" : `&cursor=${cursor}`}`,
      {
        headers: { authorization: `Bearer ${token}` },
      },
    );
    if (answer.status !== 200) throw new Error(`feed answered ${answer.status}: ${await answer.text()}`);
    const page = (await answer.json()) as FeedEvent[];
    events.push(...page);
    cursor = answer.headers.get("entente-cursor") ?? "";
    if (page.length < 1000) return events;
  }
}

/** Facts about top-ups in journal order, each with the place of its command in the order of acceptance. */
export function ledgerOf(accepted: readonly FeedEvent[], facts: readonly FeedEvent[]): LedgerFact[] {
  const places = new Map(accepted.map((entry, place) => [entry.id, place]));
  const ledger: LedgerFact[] = [];
  const commandTypes = new Map(accepted.map((entry) => [entry.id, entry.type]));
  facts.forEach((fact, order) => {
    if (commandTypes.get(fact.processid) !== "flux.top-up") return;
    const type = {
      "flux.balance-debited": "confirmed",
      "flux.top-up-refused": "refused",
      "entente.command-parked": "failed",
    } as const;
    const kind = type[fact.type as keyof typeof type];
    if (kind === undefined) return;
    ledger.push({
      processId: fact.processid,
      account: fact.subject,
      type: kind,
      order,
      acceptedOrder: places.get(fact.processid) ?? null,
    });
  });
  return ledger;
}
