/** The opening of a case against the simulator, over its own interface. */
import { after } from "node:test";
import { simulators } from "@entente/simulators";
import { conformance, controlledCounterparty } from "@entente/testkit";
import { supportCaseRequested } from "../../contexts/entitlement/contract/support-case.ts";
import { openCase } from "./open-case.ts";
import { salesforceErrors } from "./salesforce-errors.ts";

const startSalesforce = await simulators.salesforce();
const salesforce = await startSalesforce({ seed: 7 });
after(() => salesforce.stop());
const url = salesforce.url.replace("127.0.0.1", "localhost");

const composites = await controlledCounterparty(salesforce.url, { operation: "composite" });
const everything = await controlledCounterparty(salesforce.url);

conformance(
  openCase({ origin: url }),
  {
    ...composites,
    rejections: composites.rejections.filter((code) => salesforceErrors[code]?.class === "BUSINESS_REJECTED"),
    // What a composite does is written down as making or changing rows.
    effects: () => everything.effects(),
  },
  {
    example: (id) => ({
      type: supportCaseRequested.type,
      key: "acct-0001",
      data: { ...supportCaseRequested.example, supportCaseId: id },
    }),
    secrets: { clientId: "entente-dev-client", clientSecret: "entente-dev-secret" },
  },
);
