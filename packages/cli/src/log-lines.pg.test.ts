/** What a running system writes about its integrations: real lines of a real process, with its simulated counterparties. */
import assert from "node:assert/strict";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { openControlClient } from "@entente/simulators";
import { disposeAll, startProcess } from "@entente/testkit";

const fields = [
  "correlationId",
  "tenantId",
  "aggregateId",
  "handOffId",
  "target",
  "keyHash",
  "externalReference",
  "code",
] as const;
const integration = new Set(["hand-off", "callback", "case", "circuit", "courier-trouble"]);
const home = await mkdtemp(join(tmpdir(), "entente-log-"));
// As root the server runs as another user, who must be able to enter.
await chmod(home, 0o711);
after(async () => {
  await disposeAll();
  await rm(home, { recursive: true, force: true });
});

test("every line about an integration finds its hand-off again, and carries no key, no payload and no secret", async () => {
  const port = await freePort();
  const system = await startProcess({
    name: "flux",
    command: process.execPath,
    args: [fileURLToPath(new URL("main.ts", import.meta.url)), "up", "flux"],
    env: {
      PORT: String(port),
      ENTENTE_HOME: home,
      ENTENTE_MODE: "dev",
      ENTENTE_LOG_LEVEL: "debug",
      ENTENTE_SIMULATOR_PORT: "0",
      ENTENTE_SIMULATORS: "payments,sap",
      ENTENTE_DATABASE_URL: undefined,
    },
    readyLine: /^ready/,
    readyTimeoutMs: 120_000,
  });
  const lines = new Set<string>();
  const keep = (): void => {
    for (const line of system.output()) lines.add(line);
  };
  /** A line that has all of these, in any order. */
  const comes = async (...parts: string[]): Promise<void> => {
    const all = parts.map((part) => `(?=.*${part})`).join("");
    await system.waitForLine(new RegExp(`^\\{${all}`), 60_000);
    keep();
  };
  keep();
  const simulator = [...lines].find((line) => line.startsWith("simulator payments")) ?? "";
  const provider = openControlClient(/http:\/\/\S+/.exec(simulator)?.[0] ?? "");
  const url = `http://127.0.0.1:${port}`;
  const send = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
    const answer = await fetch(url + path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
    return (await answer.json()) as Record<string, string>;
  };
  const { token = "" } = await send("/dev/token", { sub: "olga", tenant: "demo", role: "operator" });
  const authorization = `Bearer ${token}`;
  const read = async (path: string) =>
    (await fetch(url + path, { headers: { authorization } })).json() as Promise<
      Record<string, Record<string, string>[]>
    >;
  const topUp = (account: string): Promise<unknown> =>
    send(
      "/top-ups",
      { accountId: `acct-${account}`, condenserId: `car-${account}`, units: 137 },
      { authorization, "idempotency-key": `canary-request-${account}` },
    );

  await topUp("0007");
  await comes('"step":"sent"', '"target":"payments"');
  await comes('"step":"answered"', '"target":"payments"', '"state":"completed"');
  await comes('"event":"callback"', '"outcome":"received"');
  await comes('"step":"callback"');
  await provider.rule({
    behaviour: "rejection",
    reason: "insufficient_funds",
    times: 1,
    when: { operation: "create-payment-intent" },
  });
  await topUp("0008");
  await comes('"step":"answered"', '"state":"rejected"', '"code":"BUSINESS_REJECTED"');
  await provider.rule({
    behaviour: "drop",
    effect: false,
    times: 1,
    when: { operation: "create-payment-intent" },
  });
  await topUp("0009");
  await comes('"step":"answered"', '"state":"unknown"', '"code":"UNKNOWN"');
  await send("/dev/clock", { advance: "PT20M" });
  await comes('"step":"compared"', '"verdict":"external-failure"');
  await send(
    "/callbacks/payments-charge",
    { canary: "canary-payload" },
    { "stripe-signature": "t=1,v1=canary-signature" },
  );
  await comes('"event":"callback"', '"outcome":"refused"');
  const { cases = [] } = await read("/ops/cases");
  for (const one of cases) {
    await send(
      `/ops/cases/${one.caseId}/claim`,
      { context: one.context, why: "canary-why" },
      { authorization },
    );
    await comes('"event":"case"', '"step":"claimed"');
  }
  const states = ["completed", "rejected", "cancelled", "accepted"];
  const handOffs = (await Promise.all(states.map((state) => read(`/ops/hand-offs?state=${state}`)))).flatMap(
    (page) => page.handOffs ?? [],
  );
  await system.terminate();
  keep();

  const told = [...lines].filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  const own = told.filter(({ event }) => integration.has(event));
  assert.ok(own.length >= 9, `${own.length} lines`);
  for (const line of own) {
    const subjects = line.event === "courier-trouble" ? line.handOffs : [line];
    for (const subject of subjects)
      for (const field of fields)
        assert.ok(field in subject, `${field} is missing in ${JSON.stringify(line)}`);
  }
  // Of a hand-off everything is known but what they have not said yet.
  for (const line of own.filter(({ event }) => event === "hand-off")) {
    for (const field of fields.filter((name) => name !== "externalReference" && name !== "code"))
      assert.equal(typeof line[field], "string", `${field} in ${JSON.stringify(line)}`);
    assert.match(line.keyHash, /^[0-9a-f]{16}$/);
    assert.ok(line.code === null || /^[A-Z_]+$/.test(line.code), line.code);
  }
  assert.ok(handOffs.length >= 3, `${handOffs.length} hand-offs`);
  const charges = handOffs.filter(({ target }) => target === "payments");
  for (const { handOffId } of charges)
    assert.ok(
      own.some((line) => line.handOffId === handOffId),
      `no line about ${handOffId}`,
    );
  const forbidden = [
    ...handOffs.map(({ idempotencyKey = "" }) => idempotencyKey),
    "canary-",
    "sk_test",
    "whsec_",
    "Bearer",
    token,
    "insufficient_funds",
    "car-000",
  ];
  for (const line of lines)
    for (const canary of forbidden) assert.ok(!line.includes(canary), `${canary} stands in ${line}`);
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
