/** Questions about quotas against the simulated SAP, over its real interface: eleven tests and nine behaviours. */
import { after } from "node:test";
import { simulators } from "@entente/simulators";
import { conformance, controlledCounterparty } from "@entente/testkit";
import { quotaAsked } from "../../contexts/subscription/contract/quota-keeper.ts";
import { sapQuota } from "./sap-quota.ts";

const sap = await (await simulators.sap())({ seed: 7 });
after(() => sap.stop());

conformance(sapQuota(sap.url), await controlledCounterparty(sap.url, { operation: "decide-quota" }), {
  example: (id) => ({
    type: quotaAsked.type,
    key: "acct-0001",
    data: { ...quotaAsked.example, processId: id },
  }),
  secrets: { user: "ENTENTE_COMM", password: "entente-dev-1" },
});
