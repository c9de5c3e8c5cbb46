/** The ledger's treaty against the simulated SAP, over its real interface: eleven tests, nine behaviours, and those of batches. */
import { after } from "node:test";
import { openControlClient, simulators } from "@entente/simulators";
import { conformance, controlledCounterparty } from "@entente/testkit";
import { balanceDebited } from "../../contexts/subscription/contract/balance-debited.ts";
import { fluxLedger } from "./flux-ledger.fixture.ts";
import { keysByReference } from "./references.ts";

const startSap = await simulators.sap();
const sap = await startSap({ seed: 7 });
after(() => sap.stop());

const ledger = fluxLedger(sap.url);
/** Keys of every row that was ever sent: SAP knows an entry by the reference that is made of its key. */
const sent = new Set<string>();
const treaty: typeof ledger = {
  ...ledger,
  send(dispatch, means) {
    for (const { idempotencyKey } of dispatch.rows) sent.add(idempotencyKey);
    return ledger.send(dispatch, means);
  },
};
const operation = "post-journal-entries";
const control = openControlClient(sap.url);
const rowsOfBatch = 3;
const books = await controlledCounterparty(sap.url, { operation });

conformance(
  treaty,
  {
    ...books,
    // The others pass by themselves, or speak of a document that stands in the books.
    rejections: books.rejections.filter((reason) => !/locked|duplicate/.test(reason)),
    async breakAfterRows(rows) {
      const when = { operation };
      await control.rule({ behaviour: "drop", effect: true, when, times: 1 });
      await control.rule({ behaviour: "success", when, times: rows });
      await control.rule({
        behaviour: "rejection",
        reason: "account-locked",
        when,
        times: rowsOfBatch - rows,
      });
    },
    async effects() {
      const keys = keysByReference([...sent]);
      // What nobody of ours has sent keeps its reference, and is found out as a stranger.
      return (await books.effects()).map(({ key }) => ({ key: keys[key ?? ""] ?? key }));
    },
  },
  {
    example: (id) => ({
      type: balanceDebited.type,
      key: "acct-0001",
      data: { ...balanceDebited.example, processId: id },
    }),
    rows: rowsOfBatch,
    secrets: { user: "ENTENTE_COMM", password: "entente-dev-1" },
  },
);
