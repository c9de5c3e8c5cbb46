/** Flux with its payment provider: the edge over HTTP, the system on PostgreSQL, the simulator over its own interface. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type AuditSigning,
  type HandOff,
  type HandOffState,
  isHandOffTreaty,
  type System,
  type SystemDefinition,
  startSystem,
  type Treaty,
} from "@entente/core";
import { appendEntries, newId } from "@entente/core/internal";
import { buildEdge, callbackRoute } from "@entente/edge";
import { openControlClient, simulators } from "@entente/simulators";
import { testServer } from "@entente/testkit";
import {
  demoTenant,
  fluxErrors,
  fluxOutside,
  fluxRoutes,
  fluxTags,
  fluxWith,
  paymentsCharge,
  paymentsRefund,
  registerWebhook,
  textOf,
} from "../app/flux.ts";
import { type BalanceDebited, balanceDebited } from "../contexts/subscription/contract/balance-debited.ts";
import { openAccount } from "../contexts/subscription/contract/open-account.ts";
import { registerCondenser } from "../contexts/subscription/contract/register-condenser.ts";
import { undoQuotaDebit } from "../contexts/subscription/contract/undo-quota-debit.ts";
import { type Caller, caller } from "./client.fixture.ts";

const apiKey = "sk_test_entente";

/** A message of the provider as its bytes came. */
export interface Webhook {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface ChargedFluxOptions {
  readonly around?: (definition: SystemDefinition) => SystemDefinition;
  readonly auditSigning?: AuditSigning;
  /** Where SAP is; absent: it has no part. */
  readonly sap?: string;
}

const sapUser: Readonly<Record<string, string>> = { user: "ENTENTE_COMM", password: "entente-dev-1" };

export interface ChargedFlux {
  readonly url: string;
  readonly system: System;
  readonly provider: ReturnType<typeof openControlClient> & { readonly url: string };
  readonly customer: Caller;
  callerAs(claims: Parameters<typeof caller>[1]): Promise<Caller>;
  /** Everything the provider sent since `listen`, in order, as it was handed on to Flux. */
  readonly webhooks: readonly Webhook[];
  /** The secret that the provider signs with. */
  webhookSecret(): string;
  /** Has the provider's webhooks come; answers the endpoint's id. */
  listen(): Promise<string>;
  /** Opens an account with its condenser. */
  open(accountId: string): Promise<void>;
  handOff(processId: string, ...states: readonly HandOffState[]): Promise<HandOff>;
  /** The refund of a process's charge, once there is one in such a state. */
  refund(processId: string, ...states: readonly HandOffState[]): Promise<HandOff>;
  /** Has the debit of a top-up undone, as a compensation within its process does. */
  undo(processId: string): Promise<void>;
  /** Effects of the provider for a process: how often it was charged. */
  chargesOf(processId: string): Promise<number>;
  /** What the provider holds of refunds of the process's charge. Amounts in minor units. */
  refundsOf(processId: string): Promise<readonly { readonly amount: number; readonly status: string }[]>;
  /** Both clocks. */
  moveTime(ms: number): Promise<void>;
  /** Has the provider tell what becomes of refunds. */
  hearOfRefunds(): Promise<void>;
  /** Takes the provider away, down to its port, and gives it back with nothing remembered. */
  away(): Promise<void>;
  back(): Promise<void>;
  stop(): Promise<void>;
}

export async function startChargedFlux({
  around = (definition) => definition,
  auditSigning,
  sap,
}: ChargedFluxOptions = {}): Promise<ChargedFlux> {
  const startProvider = await simulators.payments();
  let running = await startProvider({ seed: 11 });
  const port = Number(new URL(running.url).port);
  let shiftMs = 0;
  let secret = "";
  let refundSecret = "";
  const counterparties = {
    payments: { url: running.url },
    ...(sap === undefined ? {} : { sap: { url: sap } }),
  };
  const callbacks = `/callbacks/${paymentsCharge}`;
  const system = await startSystem({
    adminUrl: await testServer(),
    wallClock: () => Date.now() + shiftMs,
    definition: around(impatient(fluxWith(counterparties))),
    ...(auditSigning === undefined ? {} : { auditSigning }),
    outside: fluxOutside(
      counterparties,
      (_, name) =>
        ({ apiKey, webhookSecret: secret, refundWebhookSecret: refundSecret, ...sapUser })[name] ?? "",
      ["127.0.0.0/8"],
    ),
  });
  const edge = await buildEdge({
    system,
    mode: "dev",
    tokens: { key: { kind: "secret", secret: randomBytes(32) }, issuer: "test", audience: "flux" },
    title: "Flux",
    version: "0.1.0",
    tags: fluxTags,
    errors: fluxErrors,
    textOf: textOf(system),
    routes: [fluxRoutes(system), callbackRoute(system)],
  });
  const url = await edge.listen({ port: 0 });
  const recorder = await openRecorder(`${url}${callbacks}`);
  const token = async (claims: object): Promise<string> => {
    const answer = await fetch(`${url}/dev/token`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ sub: "scenario", tenant: demoTenant, ...claims }),
    });
    return ((await answer.json()) as { token: string }).token;
  };
  const customer = await caller({ url, token }, { role: "operator" });
  const control = openControlClient(running.url);

  async function find(processId: string, treaty: string = paymentsCharge): Promise<HandOff | undefined> {
    const states = [
      "created",
      "sent",
      "accepted",
      "completed",
      "rejected",
      "unknown",
      "retry_wait",
      "fallout",
    ] as const;
    const all = await system.treaties.handOffs("subscription", demoTenant, states, null, 1_000);
    return all.find((one) => one.processId === processId && one.treaty === treaty);
  }

  async function found(
    what: string,
    processId: string,
    treaty: string,
    states: readonly HandOffState[],
  ): Promise<HandOff> {
    let last: HandOff | undefined;
    await comes(
      `the ${what} of ${processId} is ${states.join(" or ")}`,
      async () => {
        last = await find(processId, treaty);
        return last !== undefined && states.includes(last.state);
      },
      () => last?.state,
    );
    return last as unknown as HandOff;
  }

  return {
    url,
    system,
    provider: { ...control, url: running.url },
    customer,
    callerAs: (claims) => caller({ url, token }, claims),
    webhooks: recorder.webhooks,
    webhookSecret: () => secret,
    async listen() {
      secret = await registerWebhook({
        url: running.url,
        apiKey,
        treaty: paymentsCharge,
        callbackUrl: recorder.url,
      });
      const list = await fetch(`${running.url}/v1/webhook_endpoints`, {
        headers: { authorization: `Bearer ${apiKey}` },
      });
      const { data } = (await list.json()) as { data: readonly { id: string }[] };
      return data[0]?.id ?? "";
    },
    async open(accountId) {
      const condenserId = accountId.replace("acct", "car");
      const customerId = accountId.replace("acct", "cust");
      const commands = [
        [
          openAccount,
          { accountId, customerId, planId: "commuter", timeZone: "Europe/Madrid", currency: "EUR" },
        ],
        [registerCondenser, { condenserId, model: "car" }],
      ] as const;
      for (const [{ type, schemaVersion }, data] of commands) {
        await system.accept({
          type,
          schemaVersion,
          target: "subscription",
          tenantId: demoTenant,
          key: accountId,
          customerId,
          caller: "scenario",
          idempotencyKey: `${type} ${accountId}`,
          traceparent: null,
          data,
        });
      }
    },
    handOff: (processId, ...states) => found("charge", processId, paymentsCharge, states),
    refund: (processId, ...states) => found("refund", processId, paymentsRefund, states),
    async undo(processId) {
      const database = system.contexts.get("subscription")?.database;
      if (database === undefined) throw new Error("Flux has no subscription");
      const [debited] = await database.execute<{
        id: string;
        key: string;
        customerId: string;
        data: BalanceDebited;
      }>(
        'select id, key, customer_id as "customerId", data from entente.journal where type = $1 and process_id = $2',
        [balanceDebited.type, processId],
      );
      if (debited === undefined) throw new Error(`the top-up ${processId} was never debited`);
      const { cycle, fundedFromQuota, fundedOnDemand, onDemandAmountMinor } = debited.data;
      const now = system.clock.now();
      const { type, schemaVersion } = undoQuotaDebit;
      await appendEntries(database, [
        {
          id: newId(now),
          kind: "command",
          type,
          schemaVersion,
          source: "subscription",
          target: "subscription",
          tenantId: demoTenant,
          key: debited.key,
          keyVersion: null,
          processId,
          correlationId: processId,
          causationId: debited.id,
          customerId: debited.customerId,
          ttlMs: null,
          traceparent: null,
          occurredAt: now,
          data: {
            accountId: debited.key,
            processId,
            reasonCode: "delivery-failed",
            debit: { cycle, fundedFromQuota, fundedOnDemand, onDemandAmountMinor },
          },
        },
      ]);
    },
    async chargesOf(processId) {
      const handOff = await find(processId);
      const effects = await control.effects({ operation: "create-payment-intent" });
      return effects.filter(({ key }) => key === handOff?.idempotencyKey).length;
    },
    async refundsOf(processId) {
      const handOff = await find(processId);
      const query = new URLSearchParams({ payment_intent: handOff?.externalReference ?? "" });
      const answer = await fetch(`${running.url}/v1/refunds?${query}`, {
        headers: { authorization: `Bearer ${apiKey}` },
      });
      const { data } = (await answer.json()) as { data: { amount: number; status: string }[] };
      return data.map(({ amount, status }) => ({ amount, status }));
    },
    async moveTime(ms) {
      // Webhooks are signed by the provider's clock and judged by ours.
      shiftMs += ms;
      await openControlClient(running.url)
        .advance(`PT${ms / 1_000}S`)
        .catch(() => {});
      await system.setClock(system.clock.now() + 1);
    },
    async hearOfRefunds() {
      const callbackUrl = `${url}/callbacks/${paymentsRefund}`;
      refundSecret = await registerWebhook({ url: running.url, apiKey, treaty: paymentsRefund, callbackUrl });
    },
    away: () => running.stop(),
    async back() {
      running = await startProvider({ seed: 12, port });
    },
    async stop() {
      await edge.close();
      await system.stop();
      await recorder.close();
      await running.stop();
    },
  };
}

/** A database of its own, and a second for an answer: real time is waited for where one must fail to come. */
function impatient(definition: SystemDefinition): SystemDefinition {
  const hurry = (treaty: Treaty): Treaty =>
    isHandOffTreaty(treaty) ? { ...treaty, times: { ...treaty.times, answerWithinMs: 1_000 } } : treaty;
  return {
    name: `f_${randomBytes(4).toString("hex")}`,
    contexts: definition.contexts.map((context) => ({
      ...context,
      treaties: (context.treaties ?? []).map(hurry),
    })),
  };
}

/** Hands on what comes, byte for byte, and keeps it. */
async function openRecorder(
  target: string,
): Promise<{ readonly url: string; readonly webhooks: Webhook[]; close(): Promise<void> }> {
  const webhooks: Webhook[] = [];
  const server = createServer((request, response) => {
    void take(request).then(async (webhook) => {
      webhooks.push(webhook);
      response.writeHead(await post(target, webhook).then(({ status }) => status)).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    webhooks,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function take(request: IncomingMessage): Promise<Webhook> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const signature = request.headers["stripe-signature"];
  return {
    headers: typeof signature === "string" ? { "stripe-signature": signature } : {},
    body: Buffer.concat(chunks).toString(),
  };
}

export async function post(
  url: string,
  { headers, body }: Webhook,
): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

/** Resolves when it has come true; fails after `withinMs`, saying what it saw last. */
export async function comes(
  what: string,
  condition: () => Promise<boolean>,
  last: () => unknown = () => "",
  withinMs = 30_000,
): Promise<void> {
  const limit = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > limit)
      throw new Error(`waited ${withinMs / 1_000} s until ${what}: ${String(last())}`);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}
