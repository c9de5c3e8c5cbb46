/** Postings one by one against the simulated SAP, over its real interface. */
import { after } from "node:test";
import { simulators } from "@entente/simulators";
import { conformance, controlledCounterparty } from "@entente/testkit";
import { balanceDebited } from "../../contexts/subscription/contract/balance-debited.ts";
import { fluxLedger } from "./flux-ledger.fixture.ts";
import { keysByReference } from "./references.ts";

const startSap = await simulators.sap();
const sap = await startSap({ seed: 7 });
after(() => sap.stop());

const posting = fluxLedger(sap.url, "A");
/** Keys of all that was ever sent: SAP knows an entry by the reference that is made of its key. */
const sent = new Set<string>();
const books = await controlledCounterparty(sap.url, { operation: "post-journal-entries" });

conformance(
  {
    ...posting,
    send(dispatch, means) {
      sent.add(dispatch.idempotencyKey);
      return posting.send(dispatch, means);
    },
  },
  {
    ...books,
    // The others pass by themselves, or speak of a document that stands in the books.
    rejections: books.rejections.filter((reason) => !/locked|duplicate/.test(reason)),
    async effects() {
      const keys = keysByReference([...sent]);
      return (await books.effects()).map(({ key }) => ({ key: keys[key ?? ""] ?? key }));
    },
  },
  {
    example: (id) => ({
      type: balanceDebited.type,
      key: "acct-0001",
      data: { ...balanceDebited.example, processId: id },
    }),
    secrets: { user: "ENTENTE_COMM", password: "entente-dev-1" },
  },
);
