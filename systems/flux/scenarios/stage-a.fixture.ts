import { openDatabase } from "@entente/core/internal";
import { type ControlClient, openControlClient, simulators } from "@entente/simulators";
import type { ServerProcess } from "@entente/testkit";
import { type Caller, caller } from "./client.fixture.ts";
import { type Environment, type FluxUnderTest, startFluxUnderTest } from "./flux-under-test.fixture.ts";
import { type SalesforceUnderTest, startSalesforceUnderTest } from "./salesforce.fixture.ts";

/** Flux in stage A between a Salesforce and a SAP that can be taken away: an edge, and one worker for everything behind it. */
export interface StageAUnderTest {
  readonly flux: FluxUnderTest;
  /** The edge that was started first. */
  readonly edge: ServerProcess;
  readonly salesforce: SalesforceUnderTest;
  readonly sap: ControlClient;
  readonly customer: Caller;
  readonly operator: Caller;
  startWorker(extra?: Environment): Promise<ServerProcess>;
  /** Entries of a context's journal in its order, of one process or of all. */
  journal(context: string, processId?: string): Promise<readonly JournalRow[]>;
  /** Business time goes on, so that what waits for a time is tried. */
  advance(duration: string): Promise<void>;
  stop(): Promise<void>;
}

export interface JournalRow extends Record<string, unknown> {
  readonly id: string;
  readonly kind: string;
  readonly type: string;
  readonly processId: string;
  readonly causationId: string | null;
  /** Epoch milliseconds, business time. */
  readonly at: number;
  readonly data: Readonly<Record<string, unknown>>;
}

export const behindTheEdge = "subscription,request,ledger,entitlement";

export async function startStageA(): Promise<StageAUnderTest> {
  const salesforce = await startSalesforceUnderTest();
  const sap = await (await simulators.sap())({ seed: 11 });
  const flux = await startFluxUnderTest({
    ...salesforce.environment,
    ENTENTE_FLUX_STAGE: "A",
    ENTENTE_SAP_URL: sap.url,
    ENTENTE_SAP_USER: "ENTENTE_COMM",
    ENTENTE_SAP_PASSWORD: "entente-dev-1",
  });
  const edge = await flux.startEdge();
  const customer = await caller(flux, { role: "operator", sub: "scenario" });
  const operator = await caller(flux, { role: "operator", sub: "olga" });
  const reading = (context: string) => {
    const url = new URL(flux.postgres.url);
    url.pathname = `/flux_${context}`;
    return openDatabase({ url: url.href, applicationName: "scenario", connections: 1 });
  };
  const databases = new Map<string, ReturnType<typeof reading>>();
  return {
    flux,
    edge,
    salesforce,
    sap: openControlClient(sap.url),
    customer,
    operator,
    startWorker: (extra = {}) => flux.startWorker(extra, behindTheEdge),
    async journal(context, processId) {
      const database = databases.get(context) ?? reading(context);
      databases.set(context, database);
      return database.execute<JournalRow>(
        `select id, kind, type, process_id as "processId", causation_id as "causationId",
           (extract(epoch from occurred_at) * 1000)::float8 as at, data
         from entente.journal where $1::uuid is null or process_id = $1 order by xid, seq`,
        [processId ?? null],
      );
    },
    async advance(duration) {
      const { status } = await operator.post("/dev/clock", { advance: duration });
      if (status !== 200) throw new Error(`the clock answered ${status}`);
    },
    async stop() {
      await Promise.all([...databases.values()].map((one) => one.close()));
      await flux.stop();
      await salesforce.stop();
      await sap.stop();
    },
  };
}
