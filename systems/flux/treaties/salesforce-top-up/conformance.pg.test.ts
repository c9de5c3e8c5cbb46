/** Both writes to the record of a request against the simulator, over its own interface. */
import { createHash } from "node:crypto";
import { after } from "node:test";
import type { HandOffTreaty } from "@entente/core";
import { simulators } from "@entente/simulators";
import { conformance, controlledCounterparty } from "@entente/testkit";
import { requestSettled } from "../../contexts/request/contract/request-settled.ts";
import { topUpSubmitted } from "../../contexts/request/contract/top-up-request.ts";
import { closeRequest } from "./close-request.ts";
import { recordRequest } from "./record-request.ts";
import { requestErrors } from "./request-errors.ts";

const startSalesforce = await simulators.salesforce();
const secrets = { clientId: "entente-dev-client", clientSecret: "entente-dev-secret" };

/** The suite names its examples as it likes; a request is named by a UUID. */
function requestIdOf(id: string): string {
  const hex = createHash("sha256").update(id).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    "-",
  );
}

const rejections = Object.entries(requestErrors)
  .filter(([, meaning]) => meaning.class === "BUSINESS_REJECTED")
  .map(([code]) => code);

/** `written`: what is counted of the simulator's effects; null: everything. */
async function suite(
  declare: (url: string) => HandOffTreaty,
  written: "update-row" | null,
  example: (id: string) => { readonly type: string; readonly key: string; readonly data: object },
): Promise<void> {
  const salesforce = await startSalesforce({ seed: 7 });
  after(() => salesforce.stop());
  const upserts = await controlledCounterparty(salesforce.url, { operation: "upsert-row" });
  const writes = await controlledCounterparty(salesforce.url, written === null ? {} : { operation: written });
  conformance(
    declare(salesforce.url.replace("127.0.0.1", "localhost")),
    {
      ...upserts,
      rejections: upserts.rejections.filter((code) => rejections.includes(code)),
      effects: () => writes.effects(),
    },
    { example: example as never, secrets },
  );
}

await suite(
  (origin) => recordRequest({ origin }),
  null,
  (id) => {
    const data = { ...topUpSubmitted.example, requestId: requestIdOf(id) };
    return { type: topUpSubmitted.type, key: data.accountId, data };
  },
);

/** What is closed was recorded before; whoever is away is left alone. */
async function recorded(origin: string, requestId: string): Promise<void> {
  const { accountId, condenserId, units } = topUpSubmitted.example;
  const form = new URLSearchParams({
    grant_type: "client_credentials",
    client_id: secrets.clientId,
    client_secret: secrets.clientSecret,
  });
  const signedIn = await fetch(`${origin}/services/oauth2/token`, { method: "POST", body: form });
  const { access_token: token } = (await signedIn.json()) as { access_token: string };
  await fetch(`${origin}/services/data/v67.0/sobjects/Top_Up_Request__c`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({
      Entente_Key__c: requestId,
      Account_Key__c: accountId,
      Condenser_Key__c: condenserId,
      Units__c: units,
    }),
  });
}

await suite(
  (origin) => {
    const treaty = closeRequest({ origin });
    return {
      ...treaty,
      async send(dispatch, means) {
        await recorded(origin, (dispatch.data as { requestId: string }).requestId).catch(() => {});
        return treaty.send(dispatch, means);
      },
    };
  },
  "update-row",
  (id) => {
    const data = { ...requestSettled.example, requestId: requestIdOf(id) };
    return { type: requestSettled.type, key: data.accountId, data };
  },
);
