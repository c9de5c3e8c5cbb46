/** A conversion against the simulator, over its own interfaces. */
import { hash } from "node:crypto";
import { after } from "node:test";
import type { HandOffTreaty } from "@entente/core";
import { simulators } from "@entente/simulators";
import { conformance, controlledCounterparty } from "@entente/testkit";
import { prospectConversionRequested } from "../../contexts/entitlement/contract/prospect.ts";
import { convertLead } from "./convert-lead.ts";
import { openLeads } from "./leads.fixture.ts";
import { leadErrors } from "./salesforce-errors.ts";

const startSalesforce = await simulators.salesforce();
const salesforce = await startSalesforce({ seed: 7 });
after(() => salesforce.stop());
const url = salesforce.url.replace("127.0.0.1", "localhost");
const leads = openLeads(salesforce.url);

const treaty = convertLead({ origin: url });
/** Each tenant has prospects of its own, and somebody has entered them before they are to be converted. */
const withLeads: HandOffTreaty = {
  ...treaty,
  request: (fact) =>
    treaty.request({
      ...fact,
      data: {
        ...fact.data,
        prospectId: `${fact.data.prospectId}.${fact.tenantId}`,
        // Their field for it has 40 characters.
        accountId: hash("sha1", `${fact.data.accountId}.${fact.tenantId}`),
      },
    }),
  async send(dispatch, means) {
    await leads.enter((dispatch.data as { readonly prospectId: string }).prospectId);
    return treaty.send(dispatch, means);
  },
};

// The mark on the lead is a write of its own and no conversion: effects are those of the conversion alone.
const conversions = await controlledCounterparty(salesforce.url, { operation: "convert-lead" });

conformance(
  withLeads,
  {
    ...conversions,
    rejections: conversions.rejections.filter((code) => leadErrors[code]?.class === "BUSINESS_REJECTED"),
  },
  {
    example: (id) => ({
      type: prospectConversionRequested.type,
      key: id,
      data: { conversionId: id, prospectId: id, accountId: id },
    }),
    secrets: { clientId: "entente-dev-client", clientSecret: "entente-dev-secret" },
  },
);
