import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "@entente/core/model";
import { placeCounterparties } from "./counterparties.ts";

const org = {
  ENTENTE_SIMULATORS: "off",
  ENTENTE_SALESFORCE_URL: "https://acme.my.salesforce.com",
  ENTENTE_SALESFORCE_CLIENT_ID: "client",
  ENTENTE_SALESFORCE_CLIENT_SECRET: "secret",
  ENTENTE_SALESFORCE_TENANT: "acme",
};

const place = (environment: Readonly<Record<string, string>>) =>
  placeCounterparties({ mode: "production", environment, alone: true, stateFolder: null, log: () => {} });

test("an org of Salesforce is the tenant's that is named, with what it allows in a day where that is said", async () => {
  const url = org.ENTENTE_SALESFORCE_URL;
  const placed = await place(org);
  assert.deepEqual(placed.counterparties, { salesforce: { url, tenantId: "acme" } });
  assert.equal(placed.secretOf("salesforce", "clientSecret"), "secret");
  assert.equal(placed.secretOf("salesforce", "tenantId"), undefined, "no secret of a treaty");
  const less = await place({ ...org, ENTENTE_SALESFORCE_CALLS_PER_DAY: "15000" });
  assert.deepEqual(less.counterparties, { salesforce: { url, tenantId: "acme", callsPerDay: 15_000 } });
});

test("an org that is nobody's is refused at the start", async () => {
  const { ENTENTE_SALESFORCE_TENANT: _, ...nobodys } = org;
  await assert.rejects(place(nobodys), (error) => {
    assert.ok(isFailure(error, "counterparty-incomplete"));
    assert.deepEqual(error.fields.missing, ["ENTENTE_SALESFORCE_TENANT"]);
    return true;
  });
});

for (const allowed of ["0", "-1", "many", "1.5"]) {
  test(`${allowed} calls a day are refused at the start`, async () => {
    await assert.rejects(place({ ...org, ENTENTE_SALESFORCE_CALLS_PER_DAY: allowed }), (error) =>
      isFailure(error, "counterparty-allowance-invalid"),
    );
  });
}

test("a simulator that is asked for and does not exist is refused at the start", async () => {
  const environment = { ENTENTE_SIMULATORS: "payments,oracle" };
  const placing = placeCounterparties({
    mode: "dev",
    environment,
    alone: true,
    stateFolder: null,
    log: () => {},
  });
  await assert.rejects(placing, (error) => {
    assert.ok(isFailure(error, "setting-invalid"));
    assert.match(error.message, /"payments,oracle".*payments, salesforce, sap/);
    return true;
  });
});
