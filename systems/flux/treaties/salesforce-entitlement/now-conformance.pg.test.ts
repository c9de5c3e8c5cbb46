/** Asking about an account's entitlements at the simulator, over its own interface. */
import { after } from "node:test";
import { simulators } from "@entente/simulators";
import { conformance, controlledRecords } from "@entente/testkit";
import { entitlementNow } from "./entitlement-now.ts";
import { entitlementIn, entitlementRecords } from "./entitlement-records.fixture.ts";

const startSalesforce = await simulators.salesforce();
const salesforce = await startSalesforce({ seed: 7 });
after(() => salesforce.stop());
/** Each has an account to itself: those of the demo data have entitlements of their own. */
const accountOf = (id: string): string => `acct-of-${id}`;
const records = entitlementRecords(salesforce.url, accountOf);

conformance(
  entitlementNow({ origin: salesforce.url.replace("127.0.0.1", "localhost") }),
  await controlledRecords(salesforce.url, { asks: ["query"], records }),
  {
    question: (id) => ({ accountId: accountOf(id) }),
    answer: (id, edition) => ({
      entitlements: edition === null ? [] : [entitlementIn(id, edition, accountOf(id))],
    }),
    secrets: { clientId: "entente-dev-client", clientSecret: "entente-dev-secret" },
  },
);
