/** `/_control/ledger`: what reconciliation is measured by. */
import type { FastifyPluginAsync } from "fastify";
import { alpha } from "./ledger/master-data.ts";
import { openTotals } from "./ledger/totals.ts";
import type { Simulation } from "./simulation.ts";

export function ledgerTruthRoute(simulation: Simulation): FastifyPluginAsync {
  return async (app) => {
    app.get("/_control/ledger", async (request, reply) => {
      const query = request.query as Readonly<Record<string, string | undefined>>;
      const stranger = Object.keys(query).find((name) => !ledgerFilters.includes(name));
      if (stranger === undefined) return ledgerTruth(simulation, query);
      const problems = [{ pointer: `/${stranger}`, detail: `must be one of ${ledgerFilters.join(", ")}` }];
      return reply.code(422).send({ error: "query-invalid", problems });
    });
  };
}

const ledgerFilters = ["account", "companyCode", "currency", "reference", "assignment"];

/** Sums of what is really in the books, of everything or of the documents of one reference or assignment. */
function ledgerTruth({ world }: Simulation, query: Readonly<Record<string, string | undefined>>): object {
  const { ledger } = world();
  const { account, companyCode, currency, reference, assignment } = query;
  const chosen =
    reference !== undefined
      ? ledger.byReference(reference)
      : assignment !== undefined
        ? ledger.byAssignment(assignment)
        : null;
  const totals = chosen === null ? ledger.totals : openTotals();
  for (const document of chosen ?? []) totals.add(document);
  return {
    documents: (chosen ?? ledger.documents()).length,
    totals: totals
      .list()
      .filter(
        (one) =>
          (account === undefined || one.account === alpha(account)) &&
          (companyCode === undefined || one.companyCode === companyCode) &&
          (currency === undefined || one.currency === currency),
      ),
  };
}
