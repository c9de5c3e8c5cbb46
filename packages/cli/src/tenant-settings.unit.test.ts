import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { isFailure } from "@entente/core/model";
import { placeCounterparties } from "./counterparties.ts";
import { tenantSettings } from "./tenant-settings.ts";

const folder = mkdtempSync(join(tmpdir(), "tenant-settings-"));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, "tenants.json");
const written = (text: string) => {
  writeFileSync(file, text);
  return { ENTENTE_TENANTS: file };
};

const real = {
  ENTENTE_SIMULATORS: "off",
  ENTENTE_SAP_URL: "https://sap.example",
  ENTENTE_SAP_USER: "user",
  ENTENTE_SAP_PASSWORD: "password",
  ENTENTE_PAYMENTS_URL: "https://pay.example",
  ENTENTE_PAYMENTS_API_KEY: "key",
  ENTENTE_PAYMENTS_WEBHOOK_SECRET: "secret",
  ENTENTE_PAYMENTS_REFUND_WEBHOOK_SECRET: "secret",
  ENTENTE_PAYMENTS_FROM: "2026-01-01T00:00:00Z",
};
const place = (mode: "dev" | "production", more: Readonly<Record<string, string>> = {}) =>
  placeCounterparties({
    mode,
    environment: { ...real, ...more },
    alone: true,
    stateFolder: null,
    log: () => {},
  });

const payers = { accounts: { "acct-0001": { customer: null, paymentMethod: "pm_1" } }, others: null };

test("payers go to the payment service's treaty and company codes to SAP's, tenant by tenant", async () => {
  const settings = { acme: { companyCode: "2020", payers }, globex: { companyCode: "3030" } };
  const { counterparties } = await place("production", written(JSON.stringify(settings)));
  assert.deepEqual(counterparties.payments?.payers, { acme: payers });
  assert.deepEqual(counterparties.sap?.companyCodes, { acme: "2020", globex: "3030" });
});

test("without the file production has nobody who pays and no company code, and development the demo tenant's", async () => {
  const { payments, sap } = (await place("production")).counterparties;
  assert.deepEqual([payments?.payers, sap?.companyCodes], [{}, {}]);
  const dev = (await place("dev")).counterparties;
  assert.deepEqual([dev.payments?.payers, dev.sap?.companyCodes], [undefined, undefined]);
});

for (const [what, text, said] of [
  ["no JSON", "{", /cannot be read/],
  ["a member that there is none of", '{"acme":{"companycode":"2020"}}', /acme/],
  ["a company code that is none", '{"acme":{"companyCode":"20"}}', /acme.companyCode/],
  ["payers without the others", '{"acme":{"payers":{"accounts":{}}}}', /acme.payers/],
] as const) {
  test(`a file with ${what} is refused, with the place and without its content`, () => {
    assert.throws(
      () => tenantSettings(written(text)),
      (error) => isFailure(error, "tenants-file-invalid") && said.test(String(error.message)),
    );
  });
}

test("a file that is not there is refused", () => {
  assert.throws(
    () => tenantSettings({ ENTENTE_TENANTS: join(folder, "none.json") }),
    (error) => isFailure(error, "tenants-file-invalid"),
  );
});
