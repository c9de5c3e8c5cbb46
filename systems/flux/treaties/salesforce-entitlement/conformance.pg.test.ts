/** A change of entitlement against the simulator, over its own interface. */
import { after } from "node:test";
import { simulators } from "@entente/simulators";
import { conformance, controlledCounterparty } from "@entente/testkit";
import { exampleEntitlement } from "../../contexts/entitlement/contract/entitlement.ts";
import { planOrdered } from "../../contexts/entitlement/contract/order-plan.ts";
import { changeEntitlement } from "./change-entitlement.ts";
import { salesforceErrors } from "./salesforce-errors.ts";

const startSalesforce = await simulators.salesforce();
const salesforce = await startSalesforce({ seed: 7 });
after(() => salesforce.stop());
const url = salesforce.url.replace("127.0.0.1", "localhost");

const rejections = Object.entries(salesforceErrors)
  .filter(([, meaning]) => meaning.class === "BUSINESS_REJECTED")
  .map(([code]) => code);
const upserts = await controlledCounterparty(salesforce.url, { operation: "upsert-row" });
const everything = await controlledCounterparty(salesforce.url);

conformance(
  changeEntitlement({ origin: url }),
  {
    ...upserts,
    rejections: upserts.rejections.filter((code) => rejections.includes(code)),
    // What an upsert does is written down as making or changing a row.
    effects: () => everything.effects(),
  },
  {
    example: (id) => {
      const entitlementId = `ent-${id}`;
      const wanted = { ...exampleEntitlement, entitlementId };
      return {
        type: planOrdered.type,
        key: id,
        data: { orderId: id, accountId: wanted.accountId, wanted },
      };
    },
    secrets: { clientId: "entente-dev-client", clientSecret: "entente-dev-secret" },
  },
);
